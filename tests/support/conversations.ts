import fs from "node:fs";
import path from "node:path";
import { packageRoot } from "../../server/config.ts";
import { editManifest } from "./adapters.ts";
import { temporaryFolder } from "./folder.ts";

const shipped = path.join(packageRoot, "adapters");

/**
 * A folder of shipped domains without a version, each with its shortest conversations that have an answer each: what
 * trains within seconds.
 */
export function smallDomains(ids: readonly string[], { train, heldOut }: { train: number; heldOut: number }) {
  const adaptersDir = path.join(temporaryFolder(), "adapters");
  for (const id of ids) {
    const dataset = path.join(adaptersDir, id, "dataset");
    fs.mkdirSync(dataset, { recursive: true });
    fs.copyFileSync(path.join(shipped, id, "adapter.json"), path.join(adaptersDir, id, "adapter.json"));
    editManifest(path.join(adaptersDir, id), { current: [] });
    fs.writeFileSync(path.join(dataset, "train.jsonl"), shortest(id, "train.jsonl", train));
    fs.writeFileSync(path.join(dataset, "heldout.jsonl"), shortest(id, "heldout.jsonl", heldOut));
  }
  return adaptersDir;
}

function shortest(id: string, name: string, count: number): string {
  const lines = fs
    .readFileSync(path.join(shipped, id, "dataset", name), "utf8")
    .trim()
    .split("\n");
  const byLength = lines.sort((a, b) => a.length - b.length);
  return `${byLength.slice(0, count).join("\n")}\n`;
}
