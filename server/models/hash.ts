import { createHash } from "node:crypto";
import fs from "node:fs";
import { z } from "zod";
import { writeAtomically } from "../write-atomically.ts";

export async function sha256OfFile(
  file: string,
  onBytes: (done: number) => void = () => undefined,
): Promise<string> {
  const hash = createHash("sha256");
  let done = 0;
  for await (const chunk of fs.createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk);
    done += chunk.length;
    onBytes(done);
  }
  return hash.digest("hex");
}

const Known = z.record(z.string(), z.object({ size: z.number(), mtimeMs: z.number(), sha256: z.string() }));

/**
 * A file's SHA-256, computed again only when size or modification time changed: base models can have many gigabytes.
 * `indexFile` is a cache; a missing or damaged one costs time, nothing else.
 */
export async function cachedSha256(
  file: string,
  indexFile: string,
  onBytes?: (done: number) => void,
): Promise<string> {
  const { size, mtimeMs } = fs.statSync(file);
  const known = readIndex(indexFile);
  const entry = known[file];
  if (entry && entry.size === size && entry.mtimeMs === mtimeMs) return entry.sha256;
  const sha256 = await sha256OfFile(file, onBytes);
  writeAtomically(indexFile, JSON.stringify({ ...readIndex(indexFile), [file]: { size, mtimeMs, sha256 } }));
  return sha256;
}

function readIndex(indexFile: string): z.infer<typeof Known> {
  if (!fs.existsSync(indexFile)) return {};
  try {
    return Known.parse(JSON.parse(fs.readFileSync(indexFile, "utf8")));
  } catch {
    // Damaged by hand or by a crash of an older version: start anew.
    return {};
  }
}
