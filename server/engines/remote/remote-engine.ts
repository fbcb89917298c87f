import { PatchbayError } from "../../protocol/index.ts";
import { emptyHealth } from "../empty-health.ts";
import type { AdapterFile, Engine, GenerateRequest, GenerationEvent } from "../engine.ts";
import { Attempt, type AttemptOptions } from "./attempt.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { leavingOutTurns } from "./leave-out-turns.ts";
import { costOf, type Price } from "./price.ts";
import { withRetries } from "./retry.ts";
import { RemoteFailure, type Upstream, type UpstreamEvent, type UpstreamUsage } from "./upstream.ts";

export interface RemoteEngineOptions extends AttemptOptions {
  /** Further attempts before the first token. */
  retries: number;
  price: Price | null;
}

type Finished = Extract<GenerationEvent, { type: "finished" }>;

/**
 * A model elsewhere as an engine. Until the first word everything may be tried again, and nobody has seen anything; from
 * then on a failure ends the answer, which keeps what came.
 */
export class RemoteEngine implements Engine {
  readonly #upstream: Upstream;
  readonly #options: RemoteEngineOptions;
  readonly #breaker = new CircuitBreaker(() => performance.now());
  readonly #stops = new Set<AbortController>();
  /** Its server asked to be left alone until then. */
  #restsUntil = 0;
  #running = 0;
  #waiting = 0;
  #retries = 0;

  constructor(upstream: Upstream, options: RemoteEngineOptions) {
    this.#upstream = upstream;
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Whether it is worth asking: false for a while after it failed again and again. */
  get isAvailable(): boolean {
    return this.#breaker.isClosed;
  }

  /** Whether it would begin soon. */
  get isReady(): boolean {
    return this.isAvailable && performance.now() >= this.#restsUntil;
  }

  /** Attempts after a first one that failed, since the start. */
  get retries(): number {
    return this.#retries;
  }

  /** @throws {PatchbayError} `remote-…`, `prompt-too-long` */
  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    const progress: Progress = { usage: null, texts: 0 };
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    this.#stops.add(stop);
    try {
      yield* this.#answer(request, stop.signal, progress);
    } catch (error) {
      if (!signal.aborted) throw error;
      yield this.#finished("stopped", progress);
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#stops.delete(stop);
    }
  }

  async plug(adapter: AdapterFile | null): Promise<void> {
    if (adapter) await this.#upstream.plug(adapter);
  }

  unplug(adapter: AdapterFile): void {
    this.#upstream.unplug(adapter).catch((error: Error) => {
      this.#options.onLog(`${this.name}: ${adapter.version} could not be unplugged: ${error.message}`);
    });
  }

  health() {
    return { ...emptyHealth, device: this.name, running: this.#running, waiting: this.#waiting };
  }

  async close(): Promise<void> {
    const error = new PatchbayError("engine-unavailable", "The server is shutting down.");
    for (const stop of this.#stops) stop.abort(error);
  }

  async *#answer(
    request: GenerateRequest,
    stop: AbortSignal,
    progress: Progress,
  ): AsyncGenerator<GenerationEvent> {
    const { attempt, droppedTurns } = await this.#open(request, stop);
    progress.usage = attempt.usage;
    this.#running++;
    try {
      yield {
        type: "started",
        promptTokens: attempt.usage?.prompt ?? 0,
        cachedTokens: attempt.usage?.cached ?? 0,
        droppedTurns: droppedTurns + attempt.droppedTurns,
        prefillMs: attempt.firstTokenMs,
        remote: { engine: this.name, model: this.#upstream.model, adapter: attempt.adapter },
      };
      let reason: Finished["reason"] = "stop";
      for (let event: UpstreamEvent | null = attempt.first; event; event = await attempt.next()) {
        if (event.type === "end") reason = event.reason;
        if (event.type === "usage") progress.usage = event.usage;
        if (event.type !== "text") continue;
        progress.texts++;
        const { text, logprobs } = event;
        yield { type: "delta", text, ...(logprobs && { logprobs }) };
      }
      this.#breaker.succeeded();
      yield this.#finished(reason, progress);
    } catch (error) {
      this.#judge(error, stop);
      throw error;
    } finally {
      this.#running--;
      // A reader that left early has settled nothing.
      this.#breaker.left();
      attempt.close();
    }
  }

  /** Gets an answer to its first word, over a busy or failing server and with as many turns as it can read. */
  async #open(
    request: GenerateRequest,
    stop: AbortSignal,
  ): Promise<{ attempt: Attempt; droppedTurns: number }> {
    const { retries } = this.#options;
    const { failFast = false } = request;
    this.#waiting++;
    try {
      return await leavingOutTurns(request.messages, async (messages, droppedTurns) => {
        this.#breaker.enter();
        try {
          const begin = () => this.#attempt({ ...request, messages }, stop);
          const onRetry = () => this.#retries++;
          const attempt = await withRetries(begin, { retries, failFast }, stop, onRetry);
          this.#breaker.began();
          return { attempt, droppedTurns };
        } catch (error) {
          this.#judge(error, stop);
          throw error;
        }
      });
    } finally {
      this.#waiting--;
    }
  }

  async #attempt(request: GenerateRequest, stop: AbortSignal): Promise<Attempt> {
    try {
      return await Attempt.begin(this.#upstream, request, stop, this.#options);
    } catch (error) {
      if (error instanceof RemoteFailure && error.retryAfterMs !== null)
        this.#restsUntil = performance.now() + error.retryAfterMs;
      throw error;
    }
  }

  /** What a failed request says about the engine. One that refuses a request is well. */
  #judge(error: unknown, stop: AbortSignal): void {
    if (!stop.aborted && error instanceof RemoteFailure && error.code !== "remote-refused")
      this.#breaker.failed(error);
    else this.#breaker.left();
  }

  #finished(reason: Finished["reason"], { usage, texts }: Progress): Finished {
    const { price } = this.#options;
    const completionTokens = usage?.completion || texts;
    if (!usage) return { type: "finished", reason, completionTokens };
    const counted = { ...usage, completion: completionTokens };
    return {
      type: "finished",
      reason,
      completionTokens,
      usage: {
        promptTokens: usage.prompt,
        cachedTokens: usage.cached,
        cost: price && costOf(counted, price),
      },
    };
  }
}

interface Progress {
  /** The last that the server told. */
  usage: UpstreamUsage | null;
  /** Pieces of text, each of a token or more: what is known of an answer that was stopped before the server counted. */
  texts: number;
}
