import { PatchbayError } from "../../protocol/index.ts";
import type { PromptEncoder } from "./prompt-encoder.ts";

/** Runs `use` with the encoder that serves this model, from its vocabulary alone: no weights are loaded. */
export async function withPromptEncoder<T>(
  modelPath: string,
  use: (encoder: PromptEncoder) => T,
): Promise<T> {
  // Not above: the library takes a third of a second to load, which commands that need no tokens would spend too.
  const [{ getLlama, LlamaLogLevel }, { PromptEncoder }] = await Promise.all([
    import("node-llama-cpp"),
    import("./prompt-encoder.ts"),
  ]);
  const llama = await getLlama({
    gpu: false,
    build: "never",
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
  });
  try {
    const model = await llama.loadModel({ modelPath, vocabOnly: true }).catch((cause) => {
      throw new PatchbayError("model-corrupt", "The model's vocabulary cannot be read.", { cause });
    });
    return use(new PromptEncoder(model));
  } finally {
    await llama.dispose();
  }
}
