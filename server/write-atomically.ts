import fs from "node:fs";
import path from "node:path";

/**
 * Either the whole content stands there afterwards or what was there before.
 * @throws where the disk is full or the folder cannot be written
 */
export function writeAtomically(file: string, content: string | Buffer): void {
  const temporary = `${file}.${process.pid}.tmp`;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  try {
    fs.writeFileSync(temporary, content);
    fs.renameSync(temporary, file);
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw error;
  }
}
