import path from "node:path";
import { z } from "zod";
import { RemoteFailure } from "../remote/upstream.ts";
import type { Dialect } from "./dialect.ts";

const LoraAdapters = z.array(z.object({ id: z.number().int().min(0), path: z.string() }));

/**
 * llama.cpp's server, started with the adapters' files (`--lora FILE,FILE --lora-init-without-apply`); each request sets
 * the scale of every one. https://github.com/ggml-org/llama.cpp/tree/master/tools/server
 *
 * Its prompt caches compare tokens and forget through which adapter they were read: what one adapter left in memory is
 * taken up by the next (https://github.com/ggml-org/llama.cpp/issues/26207). A server with adapters is asked not to use
 * them.
 * @param list the body of `GET /lora-adapters`
 */
export function llamaServerDialect(model: string, list: (signal?: AbortSignal) => Promise<unknown>): Dialect {
  let last: z.infer<typeof LoraAdapters> | null = null;
  const read = async (signal?: AbortSignal) => {
    const loaded = LoraAdapters.safeParse(await list(signal));
    if (!loaded.success)
      throw new RemoteFailure(
        "remote-failed",
        "What this engine has as adapters is not llama-server's list.",
        { hint: "Correct its type in the engines file.", cause: loaded.error },
      );
    last = loaded.data;
    return last;
  };
  return {
    runtime: null,
    fields: ({ sampling, seed, ignoreEnd }) => ({
      max_tokens: sampling.maxTokens,
      temperature: sampling.temperature,
      top_p: sampling.topP,
      top_k: sampling.topK,
      min_p: sampling.minP,
      repeat_penalty: sampling.repeatPenalty,
      seed,
      return_progress: true,
      ...(ignoreEnd && { ignore_eos: true }),
    }),
    // A server that was started anew may have other files, or the same in another order, and takes up to a step of its
    // model to say so: it is asked beside each request, which goes by what it said last.
    async wire(adapter, signal) {
      const before = last;
      const now = read(signal);
      const loaded = before ?? (await now);
      // A file's name is its content's hash.
      const named = adapter && path.basename(adapter.path);
      const own = loaded.find(({ path: file }) => path.basename(file) === named);
      const lora = loaded.map(({ id }) => ({ id, scale: id === own?.id ? 1 : 0 }));
      return {
        version: own && adapter ? adapter.version : null,
        model,
        fields: lora.length > 0 ? { lora, cache_prompt: false } : {},
        holds: now.then((list) => JSON.stringify(list) === JSON.stringify(loaded)),
      };
    },
  };
}
