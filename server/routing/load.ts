import fs from "node:fs";
import path from "node:path";
import { PatchbayError } from "../protocol/index.ts";
import { type Encoder, embedAll } from "./embedder/bulk.ts";
import type { Embedder } from "./embedder/embedder.ts";
import { wordsKnownTo } from "./embedder/known-words.ts";
import { type ExampleFolders, readExamples } from "./examples.ts";
import type { Head } from "./head.ts";
import { parseHead, serializeHead } from "./head-file.ts";
import { createRouter, type Router } from "./router.ts";
import { headVersion, trainHead } from "./train.ts";
import { type Example, textsToEmbed } from "./turn.ts";

export interface LoadOptions extends ExampleFolders {
  /** Trained heads and embeddings are kept below it. */
  cacheDir: string;
  adapterIds: readonly string[];
  /** null: a head that hears words alone will do. */
  encoder: Encoder | null;
}

/** Where a head comes from: {@link loadHead}, or the same beside other work. */
export type LoadHead = (options: LoadOptions) => Promise<Head>;

/** The router for the adapters that are plugged in. @throws {PatchbayError} `data-invalid` for a malformed example */
export const loadRouter = async (
  options: LoadOptions,
  embedder: Embedder | null = null,
  load: LoadHead = loadHead,
): Promise<Router> => createRouter(await load(options), embedder);

/**
 * The head for these adapters: read from the cache where the same examples were learnt before, else trained (seconds; the
 * first time with embeddings up to a minute) and kept. A cache that cannot be written costs the next start that time and
 * nothing else.
 * @throws {PatchbayError} `data-invalid` for a malformed example
 */
export async function loadHead({ cacheDir, adapterIds, encoder, ...folders }: LoadOptions): Promise<Head> {
  const examples = readExamples(folders, adapterIds);
  const directory = path.join(cacheDir, "router");
  const fileOf = (hears: "words" | "meaning") =>
    path.join(directory, `${headVersion(examples, { hears })}.json`);
  // Without its embeddings, a head that also knows what to do with them does as well.
  const cached = readCached(fileOf("meaning")) ?? (encoder ? null : readCached(fileOf("words")));
  if (cached) return cached;
  const embeddings = encoder && (await embeddingsOf(examples, encoder, cacheDir));
  const knownWords = encoder ? await wordsKnownTo(encoder) : [];
  const head = trainHead(examples, { embeddings, knownWords });
  keep(fileOf(encoder ? "meaning" : "words"), serializeHead(head));
  return head;
}

/** The embeddings that training needs, of which those made before are kept in the cache. */
export const embeddingsOf = (
  examples: readonly Example[],
  encoder: Encoder,
  cacheDir: string,
  onProgress: (share: number) => void = () => undefined,
) =>
  embedAll(
    [...new Set(examples.flatMap(({ text, before = null }) => textsToEmbed({ text, before })))],
    encoder,
    { file: path.join(cacheDir, "router", "embeddings.bin"), onProgress },
  );

/** Null where there is none, or a damaged one, which is then made anew. */
function readCached(file: string): Head | null {
  if (!fs.existsSync(file)) return null;
  try {
    return parseHead(fs.readFileSync(file, "utf8"), file);
  } catch (error) {
    if (error instanceof PatchbayError) return null;
    throw error;
  }
}

function keep(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(temporary, text);
    fs.renameSync(temporary, file);
  } catch {
    // A full disk leaves half a file behind; where the folder itself cannot be made there is nothing to clear.
    if (fs.existsSync(temporary)) fs.rmSync(temporary);
  }
}
