import { PatchbayError } from "../../protocol/index.ts";
import type { GenerateRequest } from "../engine.ts";
import { TimedReader } from "./timed-reader.ts";
import { RemoteFailure, type Upstream, type UpstreamEvent, type UpstreamUsage } from "./upstream.ts";

export interface AttemptOptions {
  /** The engine, as the engines file calls it. */
  name: string;
  /** From the question to the first token, in ms. */
  firstTokenMs: number;
  /** From one token to the next, in ms. */
  betweenTokensMs: number;
  /** Lines for whoever runs the server; no message text. */
  onLog: (line: string) => void;
}

/** One request to a remote server that has got as far as its first word, or straight to its end. */
export class Attempt {
  readonly adapter: string | null;
  /** As far as the server has told. */
  readonly usage: UpstreamUsage | null;
  readonly first: UpstreamEvent;
  /** From the request to {@link first}. */
  readonly firstTokenMs: number;
  readonly #reader: TimedReader<UpstreamEvent>;
  readonly #stop: AbortSignal;
  readonly #options: AttemptOptions;

  /** @throws {RemoteFailure} @throws {PatchbayError} `prompt-too-long` @throws the reason of the signal that stops it */
  static async begin(
    upstream: Upstream,
    request: GenerateRequest,
    stop: AbortSignal,
    options: AttemptOptions,
  ): Promise<Attempt> {
    const reader = new TimedReader((signal) => upstream.complete(request, signal), stop);
    const askedAt = performance.now();
    const deadline = askedAt + options.firstTokenMs;
    let adapter: string | null = null;
    let usage: UpstreamUsage | null = null;
    for (;;) {
      const event = await read(reader, Math.max(0, deadline - performance.now()), stop, options);
      if (event.type === "opened") adapter = event.adapter;
      else if (event.type === "usage") usage = event.usage;
      else {
        const firstTokenMs = performance.now() - askedAt;
        return new Attempt({ reader, adapter, usage, first: event, firstTokenMs }, stop, options);
      }
    }
  }

  private constructor(
    begun: Pick<Attempt, "adapter" | "usage" | "first" | "firstTokenMs"> & {
      reader: TimedReader<UpstreamEvent>;
    },
    stop: AbortSignal,
    options: AttemptOptions,
  ) {
    this.adapter = begun.adapter;
    this.usage = begun.usage;
    this.first = begun.first;
    this.firstTokenMs = begun.firstTokenMs;
    this.#reader = begun.reader;
    this.#stop = stop;
    this.#options = options;
  }

  /** What follows the first word. @throws as {@link begin} */
  next(): Promise<UpstreamEvent> {
    return read(this.#reader, this.#options.betweenTokensMs, this.#stop, this.#options);
  }

  close(): void {
    this.#reader.close();
  }
}

async function read(
  reader: TimedReader<UpstreamEvent>,
  ms: number,
  stop: AbortSignal,
  { name, onLog }: AttemptOptions,
): Promise<UpstreamEvent> {
  try {
    const event = await reader.next(ms, `The engine ${name} took too long to answer.`);
    if (event === null) throw new Error("the stream ended");
    return event;
  } catch (error) {
    // Whoever stopped it, and whoever asks too much, knows why it failed.
    if (stop.aborted || (error instanceof PatchbayError && !(error instanceof RemoteFailure))) throw error;
    const failure =
      error instanceof RemoteFailure
        ? error
        : new RemoteFailure("remote-failed", `The connection to the engine ${name} broke off.`, {
            hint: "Ask again in a moment.",
            cause: error,
          });
    onLog(`${name}: ${failure.code}: ${failure.message}${reasonIn(failure)}`);
    throw failure;
  }
}

const reasonIn = ({ cause }: RemoteFailure): string => (cause instanceof Error ? ` (${cause.message})` : "");
