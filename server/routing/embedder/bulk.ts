import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { PatchbayError } from "../../protocol/index.ts";
import type { Embeddings } from "../turn.ts";
import { EmbedderProcess } from "./embedder.ts";

/** What it takes to embed. */
export interface Encoder {
  /** Compiled process.ts. */
  processPath: string;
  /** A sentence encoder as GGUF. */
  modelPath: string;
}

export interface BulkOptions {
  /** Embeddings are kept in it, so that training again embeds only what is new. */
  file: string;
  /** Share done, 0 to 1. */
  onProgress: (share: number) => void;
}

/** Texts in one message to a process. */
const BATCH = 32;
/** More processes than this gain little and take memory. */
const MAX_PROCESSES = 4;
const KEY_BYTES = 16;
/** About 80,000 texts. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * The embeddings of many texts, at low priority, a process for each core: about 200 texts a second and core. They are
 * rounded to the upper halves of 32-bit floats, as they are kept.
 * @throws {PatchbayError} `engine-unavailable` where the encoder cannot be run
 */
export async function embedAll(
  texts: readonly string[],
  encoder: Encoder,
  { file, onProgress }: BulkOptions,
): Promise<Embeddings> {
  const known = readKept(file);
  const keys = new Map(texts.map((text) => [text, keyOf(text)]));
  const missing = [...keys].filter(([, key]) => !known.has(key)).map(([text]) => text);
  const made = await embedMissing(missing, encoder, onProgress);
  for (const [text, vector] of made) known.set(keys.get(text) ?? keyOf(text), vector);
  keep(
    file,
    [...made].map(([text, vector]) => ({ key: keys.get(text) ?? keyOf(text), vector })),
  );
  return (text) => known.get(keys.get(text) ?? keyOf(text));
}

async function embedMissing(
  texts: readonly string[],
  encoder: Encoder,
  onProgress: (share: number) => void,
): Promise<Map<string, Float32Array>> {
  const made = new Map<string, Float32Array>();
  const batches = Array.from({ length: Math.ceil(texts.length / BATCH) }, (_, at) =>
    texts.slice(at * BATCH, (at + 1) * BATCH),
  );
  const count = Math.min(MAX_PROCESSES, os.availableParallelism(), batches.length);
  const processes = Array.from(
    { length: count },
    () => new EmbedderProcess({ ...encoder, work: "bulk", onLog: () => undefined }),
  );
  const work = async (embedder: EmbedderProcess): Promise<void> => {
    for (let batch = batches.shift(); batch; batch = batches.shift()) {
      const vectors = await embedder.embed(batch);
      if (!vectors) throw unavailable();
      for (const [at, text] of batch.entries()) made.set(text, rounded(vectors[at] ?? new Float32Array()));
      onProgress(made.size / texts.length);
    }
  };
  try {
    await Promise.all(processes.map(work));
    return made;
  } finally {
    await Promise.all(processes.map((embedder) => embedder.close()));
  }
}

const unavailable = (): PatchbayError =>
  new PatchbayError("engine-unavailable", "The router's sentence encoder does not work.", {
    hint: "Train by words alone with: --no-embed",
  });

const keyOf = (text: string): string =>
  createHash("sha256")
    .update(text, "utf8")
    .digest("hex")
    .slice(0, 2 * KEY_BYTES);

function rounded(vector: Float32Array): Float32Array {
  const bits = new Uint32Array(vector.slice().buffer);
  return new Float32Array(bits.map((word) => (word + 0x8000) & 0xffff_0000).buffer);
}

/** Nothing where there is no file, and of one that has grown too large. */
const contentOf = (file: string): Buffer =>
  fs.existsSync(file) && fs.statSync(file).size <= MAX_FILE_BYTES ? fs.readFileSync(file) : Buffer.alloc(0);

/** Where records begin and end: a key, the length of the vector, and the upper halves of its numbers. */
function* wholeRecords(bytes: Buffer): Generator<{ at: number; end: number }> {
  for (let at = 0; at + KEY_BYTES + 2 <= bytes.length; ) {
    const end = at + KEY_BYTES + 2 + 2 * bytes.readUInt16LE(at + KEY_BYTES);
    // One that was cut off.
    if (end > bytes.length) return;
    yield { at, end };
    at = end;
  }
}

function readKept(file: string): Map<string, Float32Array> {
  const kept = new Map<string, Float32Array>();
  const bytes = contentOf(file);
  for (const { at, end } of wholeRecords(bytes)) {
    const from = at + KEY_BYTES + 2;
    const length = (end - from) / 2;
    const bits = Uint32Array.from({ length }, (_, i) => bytes.readUInt16LE(from + 2 * i) << 16);
    kept.set(bytes.toString("hex", at, at + KEY_BYTES), new Float32Array(bits.buffer));
  }
  return kept;
}

/**
 * Appends behind the last whole record: behind one that was cut off, nothing could be read again. A cache that cannot be
 * written costs the next training time and nothing else.
 */
function keep(file: string, rows: readonly { key: string; vector: Float32Array }[]): void {
  if (rows.length === 0) return;
  const records = rows.map(({ key, vector }) => {
    const bits = new Uint32Array(vector.buffer, vector.byteOffset, vector.length);
    const record = Buffer.alloc(KEY_BYTES + 2 + 2 * vector.length);
    record.write(key, "hex");
    record.writeUInt16LE(vector.length, KEY_BYTES);
    for (const [i, word] of bits.entries()) record.writeUInt16LE(word >>> 16, KEY_BYTES + 2 + 2 * i);
    return record;
  });
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const end = [...wholeRecords(contentOf(file))].at(-1)?.end ?? 0;
    if (fs.existsSync(file)) fs.truncateSync(file, end);
    fs.appendFileSync(file, Buffer.concat(records));
  } catch {
    // A full disk, or a folder that cannot be written.
  }
}
