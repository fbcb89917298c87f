import fs from "node:fs";
import path from "node:path";
import { readConfig } from "../../server/config.ts";
import { cachedPath, defaultModel, sha256OfFile } from "../../server/models/index.ts";
import { temporaryFolder } from "./folder.ts";

/** A real base model that no shipped adapter was trained for: the default one's weights in a file with another hash. */
export async function otherModel(): Promise<{ name: string; sha256: string; path: string }> {
  const file = path.join(temporaryFolder(), "other-model.gguf");
  fs.copyFileSync(cachedPath(defaultModel, readConfig(process.env).cacheDir), file);
  // Behind the last tensor, where nothing reads.
  fs.appendFileSync(file, "another");
  return { name: "other-model", sha256: await sha256OfFile(file), path: file };
}
