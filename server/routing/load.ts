import path from "node:path";
import { writeAtomically } from "../write-atomically.ts";
import { type Encoder, embedAll } from "./embedder/bulk.ts";
import { wordsKnownTo } from "./embedder/known-words.ts";
import { type ExampleFolders, readExamples } from "./examples.ts";
import type { Head } from "./head.ts";
import { readHeadFile, serializeHead } from "./head-file.ts";
import { headVersion, type TrainHeadOptions, trainHead } from "./train.ts";
import { type Example, textsToEmbed } from "./turn.ts";

export interface LoadOptions extends ExampleFolders {
  /** Trained heads and embeddings are kept below it. */
  cacheDir: string;
  adapterIds: readonly string[];
  /** null: a head that hears words alone will do. */
  encoder: Encoder | null;
}

/**
 * The head for these adapters: read from the cache where the same examples were learnt before, else trained (seconds; the
 * first time with embeddings up to a minute) and kept. A cache that cannot be written costs the next start that time and
 * nothing else.
 * @throws {PatchbayError} `data-invalid` for a malformed example
 */
export const loadHead = ({ adapterIds, ...options }: LoadOptions): Promise<Head> =>
  headOf(readExamples(options, adapterIds), options);

/** The same for examples that were read. */
export async function headOf(
  examples: readonly Example[],
  { cacheDir, encoder }: Pick<LoadOptions, "cacheDir" | "encoder">,
): Promise<Head> {
  const directory = path.join(cacheDir, "router");
  const fileOf = (hears: "words" | "meaning") =>
    path.join(directory, `${headVersion(examples, { hears })}.json`);
  // Without its embeddings, a head that also knows what to do with them does as well.
  const cached = readHeadFile(fileOf("meaning")) ?? (encoder ? null : readHeadFile(fileOf("words")));
  if (cached) return cached;
  const head = trainHead(examples, await learningAids(examples, encoder, cacheDir));
  try {
    writeAtomically(fileOf(encoder ? "meaning" : "words"), serializeHead(head));
  } catch {
    // A full disk, or a folder that cannot be written: the next start learns it again.
  }
  return head;
}

/** What training takes from a sentence encoder. @param encoder null: it goes by words alone */
export async function learningAids(
  examples: readonly Example[],
  encoder: Encoder | null,
  cacheDir: string,
  onProgress?: (share: number) => void,
): Promise<Pick<TrainHeadOptions, "embeddings" | "knownWords">> {
  if (!encoder) return { embeddings: null, knownWords: [] };
  return {
    embeddings: await embeddingsOf(examples, encoder, cacheDir, onProgress),
    knownWords: await wordsKnownTo(encoder),
  };
}

/** The embeddings that training needs, of which those made before are kept in the cache. */
export const embeddingsOf = (
  examples: readonly Example[],
  encoder: Encoder,
  cacheDir: string,
  onProgress: (share: number) => void = () => undefined,
) =>
  embeddingsOfTexts(
    examples.flatMap(({ text, before = null }) => textsToEmbed({ text, before })),
    encoder,
    cacheDir,
    onProgress,
  );

/** The embeddings of any texts, of which those that this encoder made before are kept in the cache. */
export const embeddingsOfTexts = (
  texts: readonly string[],
  encoder: Encoder,
  cacheDir: string,
  onProgress: (share: number) => void = () => undefined,
) =>
  embedAll([...new Set(texts)], encoder, {
    file: path.join(cacheDir, "router", `embeddings.${path.parse(encoder.modelPath).name}.bin`),
    onProgress,
  });
