import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { AdapterFile } from "../../server/engines/index.ts";

/**
 * Adapters that no engine has seen: the given ones in turn, with the lowest bits of two weights changed, so that hashes
 * differ while size and behaviour stay.
 * @returns as many as asked for, 65,536 at most
 */
export function copyAdapters(originals: AdapterFile[], folder: string, count: number): AdapterFile[] {
  return Array.from({ length: count }, (_, index) => {
    const content = fs.readFileSync((originals[index % originals.length] as AdapterFile).path);
    // The file ends with f16 weights, low byte first; flipping bits always makes another file.
    flip(content, content.length - 2, (index + 1) & 0xff);
    flip(content, content.length - 4, (index + 1) >> 8);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const file = path.join(folder, `${sha256.slice(0, 16)}.gguf`);
    fs.writeFileSync(file, content);
    return { version: `copy-${index + 1}@1`, sha256, path: file };
  });
}

function flip(content: Buffer, at: number, bits: number): void {
  content.writeUInt8(content.readUInt8(at) ^ bits, at);
}
