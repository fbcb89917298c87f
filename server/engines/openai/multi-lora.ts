import type { Dialect, ServedAdapters } from "./dialect.ts";
import type { RuntimeAdapters } from "./runtime-adapters.ts";

export interface MultiLoraOptions {
  kind: "vllm" | "sglang";
  model: string;
  /** Adapters that the server was started with. */
  served: ServedAdapters;
  /** null: it has those it was started with, and no others. */
  runtime: RuntimeAdapters | null;
}

/**
 * vLLM, where an adapter is a model of its own (https://docs.vllm.ai/en/latest/features/lora.html), and SGLang, where its
 * name follows the model's, in earlier releases in a field of its own (https://docs.sglang.ai/advanced_features/lora.html).
 * Both tell adapters apart in their prompt caches.
 */
export function multiLoraDialect({ kind, model, served, runtime }: MultiLoraOptions): Dialect {
  const asked = {
    vllm: (name: string) => ({ model: name, fields: {} }),
    sglang: (name: string) => ({ model: `${model}:${name}`, fields: { lora_path: name } }),
  }[kind];
  return {
    runtime,
    fields: ({ sampling, seed, ignoreEnd }) => ({
      max_tokens: sampling.maxTokens,
      temperature: sampling.temperature,
      top_p: sampling.topP,
      // "No limit" is -1 there and 0 here.
      top_k: sampling.topK || -1,
      min_p: sampling.minP,
      repetition_penalty: sampling.repeatPenalty,
      seed,
      // Counts with each chunk, so that they are known of an answer that is stopped.
      stream_options: { include_usage: true, continuous_usage_stats: true },
      ...(ignoreEnd && { ignore_eos: true }),
    }),
    async wire(adapter) {
      const name = adapter && (served[adapter.version] ?? (await runtime?.load(adapter)));
      return name ? { version: adapter.version, ...asked(name) } : { version: null, model, fields: {} };
    },
  };
}
