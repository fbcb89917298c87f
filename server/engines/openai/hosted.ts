import { PatchbayError } from "../../protocol/index.ts";
import type { Dialect, ServedAdapters } from "./dialect.ts";

export interface HostedOptions {
  baseURL: string;
  model: string;
  served: ServedAdapters;
}

/** OpenAI itself and whatever speaks no more than its API: fine-tuned models have names of their own, nothing is loaded. */
export function hostedDialect({ baseURL, model, served }: HostedOptions): Dialect {
  // OpenAI's newer models refuse `max_tokens`; many other servers know nothing else.
  const length = new URL(baseURL).hostname === "api.openai.com" ? "max_completion_tokens" : "max_tokens";
  return {
    runtime: null,
    fields({ sampling, seed, ignoreEnd }) {
      if (ignoreEnd)
        throw new PatchbayError("bad-request", "This engine cannot go on after the end of an answer.");
      const { temperature, topP, maxTokens } = sampling;
      return { temperature, top_p: topP, seed, [length]: maxTokens };
    },
    async wire(adapter) {
      const name = adapter && served[adapter.version];
      return name
        ? { version: adapter.version, model: name, fields: {} }
        : { version: null, model, fields: {} };
    },
  };
}
