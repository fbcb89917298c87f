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
  /** Whether lines may quote what people and models say. */
  showsText: boolean;
  /** Lines for whoever runs the server. */
  onLog: (line: string) => void;
}

/** Counts may follow the end of an answer, in ms. */
const AFTER_END_MS = 2_000;

/** One request to a remote server that has got as far as its first word, or straight to its end. */
export class Attempt {
  readonly adapter: string | null;
  /** As far as the server has told. */
  readonly usage: UpstreamUsage | null;
  /** Turns that the server left out by itself. */
  readonly droppedTurns: number;
  readonly first: UpstreamEvent;
  /** From the request to {@link first}. */
  readonly firstTokenMs: number;
  #ended: boolean;
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
    let droppedTurns = 0;
    for (;;) {
      const event = await read(reader, Math.max(0, deadline - performance.now()), stop, options);
      if (event.type === "opened") adapter = event.adapter;
      else if (event.type === "usage") usage = event.usage;
      else if (event.type === "dropped") droppedTurns = event.turns;
      else if (event.type === "without-adapter") adapter = null;
      else {
        const firstTokenMs = performance.now() - askedAt;
        return new Attempt(
          { reader, adapter, usage, droppedTurns, first: event, firstTokenMs },
          stop,
          options,
        );
      }
    }
  }

  private constructor(
    begun: Pick<Attempt, "adapter" | "usage" | "droppedTurns" | "first" | "firstTokenMs"> & {
      reader: TimedReader<UpstreamEvent>;
    },
    stop: AbortSignal,
    options: AttemptOptions,
  ) {
    this.adapter = begun.adapter;
    this.usage = begun.usage;
    this.droppedTurns = begun.droppedTurns;
    this.first = begun.first;
    this.firstTokenMs = begun.firstTokenMs;
    this.#ended = begun.first.type === "end";
    this.#reader = begun.reader;
    this.#stop = stop;
    this.#options = options;
  }

  /**
   * What follows the first word; null once no more comes after the end. A server that has come to it and keeps the
   * connection open, or loses it, has given its answer all the same.
   * @throws as {@link begin}
   */
  async next(): Promise<UpstreamEvent | null> {
    const { betweenTokensMs } = this.#options;
    if (this.#ended) return this.#reader.next(Math.min(betweenTokensMs, AFTER_END_MS), "").catch(() => null);
    const event = await read(this.#reader, betweenTokensMs, this.#stop, this.#options);
    this.#ended = event.type === "end";
    return event;
  }

  close(): void {
    this.#reader.close();
  }
}

async function read(
  reader: TimedReader<UpstreamEvent>,
  ms: number,
  stop: AbortSignal,
  { name, showsText, onLog }: AttemptOptions,
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
    onLog(`${name}: ${failure.code}: ${failure.message}${reasonIn(failure, showsText)}`);
    throw failure;
  }
}

/** Parsers and servers quote what they were sent, which may be people's words; their codes do not. */
function reasonIn({ cause }: RemoteFailure, showsText: boolean): string {
  if (!(cause instanceof Error)) return "";
  const reason = showsText ? cause.message : codesOf(cause).join(" ");
  return reason === "" ? "" : ` (${reason})`;
}

const CODE = /^[\w.[\]-]{1,80}$/;

function codesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { name, status, code, type, param } = error as Error & Record<string, unknown>;
  const codes = [name, status, code, type, param].flatMap((each) =>
    typeof each === "string" || typeof each === "number" ? [`${each}`] : [],
  );
  return [...codes.filter((each) => each !== "Error" && CODE.test(each)), ...codesOf(error.cause)];
}
