import { PatchbayError } from "../../protocol/index.ts";
import { emptyHealth } from "../empty-health.ts";
import type { AdapterFile, Engine, GenerateRequest, GenerationEvent } from "../engine.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { leavingOutTurns } from "./leave-out-turns.ts";
import { costOf, type Price } from "./price.ts";
import { withRetries } from "./retry.ts";
import { TimedReader } from "./timed-reader.ts";
import { RemoteFailure, type Upstream, type UpstreamEvent, type UpstreamUsage } from "./upstream.ts";

export interface RemoteEngineOptions {
  /** As the engines file calls it. */
  name: string;
  /** From the question to the first token, in ms. */
  firstTokenMs: number;
  /** From one token to the next, in ms. */
  betweenTokensMs: number;
  /** Further attempts before the first token. */
  retries: number;
  price: Price | null;
  /** Lines for whoever runs the server; no message text. */
  onLog: (line: string) => void;
}

/** An attempt that has got as far as its first word, or straight to its end. */
interface Opened {
  reader: TimedReader<UpstreamEvent>;
  adapter: string | null;
  usage: UpstreamUsage | null;
  first: Extract<UpstreamEvent, { type: "text" | "end" }>;
  droppedTurns: number;
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
  readonly #closing = new AbortController();
  #running = 0;
  #waiting = 0;

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

  /** @throws {PatchbayError} `remote-…`, `prompt-too-long` */
  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    const progress: Progress = { usage: null, texts: 0 };
    try {
      yield* this.#answer(request, stop, progress);
    } catch (error) {
      if (!signal.aborted) throw error;
      yield this.#finished("stopped", progress);
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
    this.#closing.abort(new PatchbayError("engine-unavailable", "The server is shutting down."));
  }

  async *#answer(
    request: GenerateRequest,
    stop: AbortSignal,
    progress: Progress,
  ): AsyncGenerator<GenerationEvent> {
    const opened = await this.#open(request, stop);
    const { reader, adapter, first, droppedTurns } = opened;
    progress.usage = opened.usage;
    this.#running++;
    try {
      yield {
        type: "started",
        promptTokens: opened.usage?.prompt ?? 0,
        cachedTokens: opened.usage?.cached ?? 0,
        droppedTurns,
        remote: { engine: this.name, model: this.#upstream.model, adapter },
      };
      let event: UpstreamEvent = first;
      for (; event.type !== "end"; event = await this.#next(reader, stop)) {
        if (event.type === "usage") progress.usage = event.usage;
        if (event.type !== "text") continue;
        progress.texts++;
        yield { type: "delta", text: event.text };
      }
      this.#breaker.succeeded();
      yield this.#finished(event.reason, progress);
    } catch (error) {
      this.#judge(error, stop);
      throw error;
    } finally {
      this.#running--;
      // A reader that left early has settled nothing.
      this.#breaker.left();
      reader.close();
    }
  }

  /** Gets an answer to its first word, over a busy or failing server and with as many turns as it can read. */
  async #open(request: GenerateRequest, stop: AbortSignal): Promise<Opened> {
    this.#waiting++;
    try {
      return await leavingOutTurns(request.messages, async (messages, droppedTurns) => {
        this.#breaker.enter();
        try {
          const attempt = () => this.#attempt({ ...request, messages }, stop);
          return { ...(await withRetries(attempt, this.#options.retries, stop)), droppedTurns };
        } catch (error) {
          this.#judge(error, stop);
          throw error;
        }
      });
    } finally {
      this.#waiting--;
    }
  }

  async #attempt(request: GenerateRequest, stop: AbortSignal): Promise<Omit<Opened, "droppedTurns">> {
    const reader = new TimedReader((signal) => this.#upstream.complete(request, signal), stop);
    const deadline = performance.now() + this.#options.firstTokenMs;
    let adapter: string | null = null;
    let usage: UpstreamUsage | null = null;
    for (;;) {
      const event = await this.#next(reader, stop, deadline - performance.now());
      if (event.type === "opened") adapter = event.adapter;
      else if (event.type === "usage") usage = event.usage;
      else return { reader, adapter, usage, first: event };
    }
  }

  async #next(
    reader: TimedReader<UpstreamEvent>,
    stop: AbortSignal,
    ms = this.#options.betweenTokensMs,
  ): Promise<UpstreamEvent> {
    try {
      const event = await reader.next(Math.max(ms, 0), `The engine ${this.name} took too long to answer.`);
      if (event === null) throw new Error("the stream ended");
      return event;
    } catch (error) {
      // Whoever stopped it, and whoever asks too much, knows why it failed.
      if (stop.aborted || (error instanceof PatchbayError && !(error instanceof RemoteFailure))) throw error;
      const failure =
        error instanceof RemoteFailure
          ? error
          : new RemoteFailure("remote-failed", `The connection to the engine ${this.name} broke off.`, {
              hint: "Ask again in a moment.",
              cause: error,
            });
      this.#options.onLog(`${this.name}: ${failure.code}: ${failure.message}${reasonIn(failure)}`);
      throw failure;
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

const reasonIn = ({ cause }: RemoteFailure): string => (cause instanceof Error ? ` (${cause.message})` : "");
