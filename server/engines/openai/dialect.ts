import type { AdapterFile, GenerateRequest } from "../engine.ts";
import type { RuntimeAdapters } from "./runtime-adapters.ts";

/** Fields of a chat completion request. */
export type Fields = Record<string, unknown>;

/** Adapter versions, such as `support@1`, by the model names that a server has for them. */
export type ServedAdapters = Readonly<Record<string, string>>;

/** How a request has to be put so that the adapter answers; `version` is null where the messages go alone. */
export interface Wiring {
  version: string | null;
  model: string;
  fields: Fields;
  /**
   * Whether the server still has what this goes by, where that can change unseen; an answer is nobody's until it is
   * known.
   */
  holds?: Promise<boolean>;
}

/** What one kind of OpenAI-compatible server understands beyond OpenAI's own API. */
export interface Dialect {
  /** Adapters that it loads while it runs; null where it cannot. */
  readonly runtime: RuntimeAdapters | null;
  /** Sampling, length and whatever else a request needs here. @throws {PatchbayError} `bad-request` for what it cannot do */
  fields(request: GenerateRequest): Fields;
  /** Makes the adapter ready, where that is possible. */
  wire(adapter: AdapterFile | null, signal?: AbortSignal): Promise<Wiring>;
}
