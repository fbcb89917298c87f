import type { EngineHealth, TokenLogprob, TraceHeaders } from "../protocol/index.ts";
import type { GrammarSchema } from "./grammar-schema.ts";

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** A verified LoRA file. `path` holds the content hash in its name, so that no engine serves a stale one. */
export interface AdapterFile {
  /** Adapter version, such as `support@1`. */
  version: string;
  sha256: string;
  path: string;
}

export interface Sampling {
  temperature: number;
  topP: number;
  topK: number;
  minP: number;
  /** Penalty on tokens of the last 64; 1 is none. */
  repeatPenalty: number;
  /** Taken from the logit of each token that those 64 hold, and of each time they hold it; 0 where left out. */
  presencePenalty?: number;
  frequencyPenalty?: number;
  /** Most tokens an answer may have. The context may allow fewer. */
  maxTokens: number;
}

/** What an answer has to be. A schema has passed {@link grammarSchema}, which says what can be enforced. */
export type AnswerFormat = { type: "json" } | { type: "json-schema"; schema: GrammarSchema };

export interface GenerateRequest {
  /** System prompt first, then user and assistant turns in order, the newest user turn last. */
  messages: ChatMessage[];
  /** null: the base model alone. */
  adapter: AdapterFile | null;
  /** Whose question it is, also where there is no adapter: an adapter's id or `base`. Chooses the order of engines. */
  domain?: string;
  sampling: Sampling;
  /** Always explicit: the same request with the same seed gives the same answer. 0 to 2^31 - 1. */
  seed: number;
  /** Whose turn it is: the machine is shared between people, not between requests. */
  user: string;
  /** The answer ends before the first of these texts that it comes to. */
  stop?: readonly string[];
  format?: AnswerFormat;
  /** Deltas then say how likely each token was, and which others were the likeliest in its place, so many of them. */
  logprobs?: { top: number };
  /** Another engine would begin at once: a pause that a server asks for is not waited out. */
  failFast?: boolean;
  /** Told to servers elsewhere, so that what they trace belongs to the same turn. */
  trace?: TraceHeaders;
  /** Goes on after the model's end of turn until `maxTokens`, for measurements. */
  ignoreEnd?: true;
}

/** A server elsewhere that answers instead of the model on this machine. */
export interface Remote {
  /** Its name in the engines file. */
  engine: string;
  model: string;
  /** Version of the adapter that it answers through; null: it has the messages alone, with the system prompt of the domain. */
  adapter: string | null;
}

/**
 * What a remote answer took, known when it ends (`started` may say 0 prompt tokens until then). `cost` is in the currency
 * of the engine's price; null where it has none.
 */
export interface RemoteUsage {
  promptTokens: number;
  cachedTokens: number;
  cost: number | null;
}

/**
 * `queued` comes while others are before it, again whenever `ahead` has changed; `started` comes once, when the prompt is
 * evaluated, `prefillMs` after it was begun (elsewhere: after the request that was answered was sent); then deltas; then
 * `finished`. `droppedTurns` counts the oldest user turns (with their answers) that did not fit into the context.
 */
export type GenerationEvent =
  | { type: "queued"; ahead: number }
  | {
      type: "started";
      promptTokens: number;
      cachedTokens: number;
      droppedTurns: number;
      prefillMs: number;
      remote?: Remote;
    }
  | { type: "delta"; text: string; logprobs?: TokenLogprob[] }
  | {
      type: "finished";
      reason: "stop" | "length" | "stopped";
      completionTokens: number;
      usage?: RemoteUsage;
    };

/** What produces answers. Failures are thrown as PatchbayError; an aborted signal ends with `finished: stopped`. */
export interface Engine {
  /** @throws {PatchbayError} `queue-full`, `queue-timeout`, `prompt-too-long`, `adapter-invalid`, `engine-crashed`, … */
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<GenerationEvent>;
  /**
   * Makes an adapter (null: the base model) ready and its system prompt warm, as soon as nobody waits for an answer.
   * @throws {PatchbayError} `adapter-invalid`, `adapter-hash-mismatch`
   */
  plug(adapter: AdapterFile | null, systemPrompt: string): Promise<void>;
  /** Gives back what an adapter holds once no answer runs through it. */
  unplug(adapter: AdapterFile): void;
  health(): EngineHealth & { running: number; waiting: number };
  close(): Promise<void>;
}
