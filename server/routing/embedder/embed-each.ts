import { PatchbayError } from "../../protocol/index.ts";
import type { Embedder } from "./embedder.ts";

/**
 * One vector of unit length for each text. They are asked for one by one, so that the router's own decisions come between.
 * @param embedder null where there is none
 * @throws {PatchbayError} `embedder-unavailable`
 */
export async function embedEach(
  embedder: Embedder | null,
  texts: readonly string[],
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (const text of texts) {
    const [vector] = (await embedder?.embed([text])) ?? [];
    if (!vector)
      throw new PatchbayError("embedder-unavailable", "This server has no embedder that is ready.", {
        hint: "GET /health says how it is, under router.embedder. Chat works without one.",
      });
    vectors.push(vector);
  }
  return vectors;
}
