import type { RemoteFailure } from "./upstream.ts";

/** Failures in a row after which an engine is left alone. */
const FAILURES = 3;
/** For this long, in ms; then one request may try. */
const REST_MS = 30_000;

type State =
  | { is: "closed"; failures: number }
  | { is: "open"; until: number; failure: RemoteFailure }
  | { is: "half-open"; failure: RemoteFailure };

/** Leaves an engine alone that keeps failing, so that nobody waits for it: https://martinfowler.com/bliki/CircuitBreaker.html */
export class CircuitBreaker {
  readonly #now: () => number;
  #state: State = { is: "closed", failures: 0 };

  /** @param now ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether a request would be let through. */
  get isClosed(): boolean {
    return this.#state.is === "closed" || (this.#state.is === "open" && this.#state.until <= this.#now());
  }

  /** Before a request. @throws {RemoteFailure} the last one, where it is too early to ask again */
  enter(): void {
    const state = this.#state;
    if (state.is === "closed") return;
    if (!this.isClosed) throw state.failure;
    this.#state = { is: "half-open", failure: state.failure };
  }

  /** The first word of an answer: others may ask again. Until one gets to its end, a failure opens it at once. */
  began(): void {
    if (this.#state.is === "half-open") this.#state = { is: "closed", failures: FAILURES - 1 };
  }

  succeeded(): void {
    this.#state = { is: "closed", failures: 0 };
  }

  failed(failure: RemoteFailure): void {
    const failures = this.#state.is === "closed" ? this.#state.failures + 1 : FAILURES;
    this.#state =
      failures < FAILURES
        ? { is: "closed", failures }
        : { is: "open", until: this.#now() + REST_MS, failure };
  }

  /** A request that let nobody know how the engine is: it was stopped, or was itself at fault. */
  left(): void {
    if (this.#state.is === "half-open")
      this.#state = { is: "open", until: this.#now(), failure: this.#state.failure };
  }
}
