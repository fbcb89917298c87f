import fs from "node:fs";
import path from "node:path";
import { embedderProcessPath, readConfig } from "../config.ts";
import { resolveSentenceEncoder } from "../models/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { adapterFolders } from "../registry/index.ts";
import {
  EmbedderProcess,
  type Encoder,
  type Head,
  loadHead,
  parseHead,
  type RoutingRow,
  readHeldOut,
  readRoutingRows,
} from "../routing/index.ts";
import { note, ProgressLine } from "./output.ts";

/** Longer than any single text takes: a command is about what the router says, and tells how long it took. */
const PATIENCE_MS = 10_000;

/** The sentence encoder, or null where it is not wanted or, which is told, cannot be had. */
export async function encoderOrNull(wanted: boolean, progress: ProgressLine): Promise<Encoder | null> {
  const { cacheDir, embedder } = readConfig(process.env);
  if (!wanted || embedder === "off") return null;
  try {
    const onProgress = (step: string, share: number | null) => progress.show(step, share);
    return {
      modelPath: await resolveSentenceEncoder(cacheDir, onProgress),
      processPath: embedderProcessPath,
    };
  } catch (error) {
    if (!(error instanceof PatchbayError)) throw error;
    note(`going by words alone: ${error.message}`);
    return null;
  } finally {
    progress.end();
  }
}

/** A head from a file or the shipped one, and what embeds for it; the caller closes that. */
export async function headAndEmbedder(options: {
  head?: string;
  embed: boolean;
}): Promise<{ head: Head; embedder: EmbedderProcess | null }> {
  const given = options.head === undefined ? null : parseHead(readHead(options.head), options.head);
  const encoder = await encoderOrNull(options.embed && given?.meaning !== null, new ProgressLine());
  const head = given ?? (await shippedHead(encoder));
  if (!encoder) return { head, embedder: null };
  const embedder = new EmbedderProcess({
    ...encoder,
    work: { patienceMs: PATIENCE_MS },
    onLog: () => undefined,
  });
  if (!(await embedder.ready())) note("going by words alone: the sentence encoder does not work");
  return { head, embedder };
}

function readHead(file: string): string {
  if (fs.existsSync(file)) return fs.readFileSync(file, "utf8");
  throw new PatchbayError("not-found", `There is no head at ${file}.`, {
    hint: "Make one with: npx patchbay router train --data FILE --out HEAD",
  });
}

function shippedHead(encoder: Encoder | null): Promise<Head> {
  const { adaptersDir, backgroundDir, cacheDir } = readConfig(process.env);
  return loadHead({ adaptersDir, backgroundDir, cacheDir, adapterIds: adapterIds(adaptersDir), encoder });
}

/** What the shipped router is measured on: turns of every adapter and of nobody, and dialogues. */
export function heldOutRows(): RoutingRow[] {
  const { adaptersDir, backgroundDir } = readConfig(process.env);
  return [
    ...readHeldOut({ adaptersDir, backgroundDir }, adapterIds(adaptersDir)),
    ...readRoutingRows(path.join(backgroundDir, "dialogues.jsonl")),
  ];
}

const adapterIds = (adaptersDir: string): string[] =>
  adapterFolders(adaptersDir).map((folder) => path.basename(folder));
