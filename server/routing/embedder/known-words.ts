import type { Encoder } from "./bulk.ts";

/** WordPiece's mark of a piece that begins a word, as GGUF files have it. */
const WORD_START = "\u2581";

/** English words for which the encoder has a piece of their own, lower-cased: about 20,000. */
export async function wordsKnownTo({ modelPath }: Pick<Encoder, "modelPath">): Promise<string[]> {
  const { readGgufFileInfo } = await import("node-llama-cpp");
  const { metadata } = await readGgufFileInfo(modelPath, { readTensorInfo: false, logWarnings: false });
  const pieces: readonly unknown[] = metadata.tokenizer?.ggml?.tokens ?? [];
  return pieces.flatMap((piece) => {
    const word = typeof piece === "string" && piece.startsWith(WORD_START) ? piece.slice(1) : "";
    return /^[a-z]{4,}$/.test(word) ? [word] : [];
  });
}
