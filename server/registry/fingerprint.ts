import fs from "node:fs";
import path from "node:path";

/**
 * Changes whenever one of these files, or a file in one of these folders, is written, replaced, added or taken away.
 * Nothing is read: sizes, times and inode numbers say enough. What cannot be looked at counts as not there.
 */
export const fingerprintOf = (...paths: string[]): string => paths.flatMap(lines).join("\n");

function lines(file: string): string[] {
  const stat = orNull(() => fs.lstatSync(file));
  // Links are not entered: they may lead back up.
  if (stat?.isDirectory()) return [file, ...namesIn(file).flatMap((name) => lines(path.join(file, name)))];
  const target = stat?.isSymbolicLink() ? orNull(() => fs.statSync(file)) : stat;
  if (!target) return [`${file} -`];
  // The time of the last change of any kind too: a copy may bring its old modification time with it.
  return [`${file} ${target.ino} ${target.size} ${target.mtimeMs} ${target.ctimeMs}`];
}

const namesIn = (folder: string): string[] => orNull(() => fs.readdirSync(folder).sort()) ?? [];

/** Files and folders may go while they are looked at. */
function orNull<Value>(look: () => Value): Value | null {
  try {
    return look();
  } catch {
    return null;
  }
}
