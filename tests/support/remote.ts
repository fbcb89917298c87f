import fs from "node:fs";
import path from "node:path";
import { type EngineEntry, type EnginesFile, readEnginesFile } from "../../server/engines-file.ts";
import { temporaryFolder } from "./folder.ts";

/** The file as somebody would write it, read as the server reads it. */
export function enginesFile(content: object, env: Record<string, string> = {}): EnginesFile {
  const file = path.join(temporaryFolder(), "engines.json");
  fs.writeFileSync(file, JSON.stringify(content));
  return readEnginesFile(file, env);
}

/** One engine of such a file. */
export function remoteEntry(entry: object): EngineEntry {
  return Object.values(enginesFile({ engines: { elsewhere: entry } }).engines)[0] as EngineEntry;
}
