import fs from "node:fs";
import path from "node:path";
import type { Config } from "../config.ts";
import { PatchbayError } from "../protocol/index.ts";
import { adapterFolders } from "../registry/index.ts";

/** @throws {PatchbayError} `adapter-unknown` */
export function adapterFolder(id: string, { adaptersDir }: Config): string {
  const folder = path.join(adaptersDir, id);
  if (fs.existsSync(path.join(folder, "adapter.json"))) return folder;
  const known = adapterFolders(adaptersDir).map((other) => path.basename(other));
  throw new PatchbayError("adapter-unknown", `There is no adapter "${id}".`, {
    hint: `There are: ${known.join(", ")}.`,
  });
}
