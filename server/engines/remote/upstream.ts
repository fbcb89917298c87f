import { type ErrorCode, PatchbayError, type TokenLogprob } from "../../protocol/index.ts";
import type { AdapterFile, GenerateRequest } from "../engine.ts";

/** Tokens as the server counts them: of the prompt, those of them it had in its cache, and of the answer so far. */
export interface UpstreamUsage {
  prompt: number;
  cached: number;
  completion: number;
}

/**
 * One answer as a server elsewhere sends it: `opened` first, with the version of the adapter that it applies (null: none),
 * then text, counts whenever it tells them, also after `end`. A server that leaves out the oldest turns by itself may say
 * how many (`dropped`), and one that answers without the adapter that it was asked for says that (`without-adapter`).
 */
export type UpstreamEvent =
  | { type: "opened"; adapter: string | null }
  | { type: "text"; text: string; logprobs?: TokenLogprob[] }
  | { type: "usage"; usage: UpstreamUsage }
  | { type: "dropped"; turns: number }
  | { type: "without-adapter" }
  | { type: "end"; reason: "stop" | "length" };

/**
 * What differs between remote servers: how one is asked once, and how it gets to know adapters. Time-outs, retries and the
 * rest are {@link RemoteEngine}'s.
 */
export interface Upstream {
  /** Its model, as it calls it. */
  readonly model: string;
  /** @throws {RemoteFailure} or whatever the connection throws; ends at once when the signal aborts */
  complete(request: GenerateRequest, signal: AbortSignal): AsyncIterable<UpstreamEvent>;
  /** Makes the adapter ready over there, where that is possible. @throws {PatchbayError} */
  plug(adapter: AdapterFile): Promise<void>;
  unplug(adapter: AdapterFile): Promise<void>;
}

export type RemoteCode = Extract<ErrorCode, `remote-${string}`>;

/** A remote server did not do what it was asked. */
export class RemoteFailure extends PatchbayError {
  declare readonly code: RemoteCode;
  /** How long the server asks to be left alone, in ms; null where it does not say. */
  readonly retryAfterMs: number | null;

  constructor(
    code: RemoteCode,
    message: string,
    options: { hint?: string; cause?: unknown; retryAfterMs?: number | null } = {},
  ) {
    super(code, message, options);
    this.retryAfterMs = options.retryAfterMs ?? null;
  }

  /** Whether the same request may well succeed in a moment. After a time-out somebody has waited long enough. */
  get isPassing(): boolean {
    return (["remote-unreachable", "remote-busy", "remote-failed"] as RemoteCode[]).includes(this.code);
  }
}
