import fs from "node:fs";
import path from "node:path";
import { sha256OfFile } from "../models/index.ts";
import { readCards, readManifest, VersionCard, versionFileStem } from "../registry/index.ts";
import { writeAtomically } from "../write-atomically.ts";

/** Puts a trained adapter beside the others of its folder, with its card, and makes it the current one for its base model. */
export async function publishVersion(
  folder: string,
  gguf: string,
  card: Omit<VersionCard, "ordinal" | "sha256" | "bytes">,
): Promise<VersionCard> {
  const sha256 = await sha256OfFile(gguf);
  const cards = readCards(folder);
  const same = cards.find((other) => other.sha256 === sha256);
  const ordinal = same?.ordinal ?? (cards.at(-1)?.ordinal ?? 0) + 1;
  const version = VersionCard.parse({ ordinal, sha256, bytes: fs.statSync(gguf).size, ...card });
  const stem = path.join(folder, "versions", versionFileStem(sha256));
  writeAtomically(`${stem}.gguf`, fs.readFileSync(gguf));
  writeAtomically(`${stem}.json`, `${JSON.stringify(version, null, 2)}\n`);
  const manifestFile = path.join(folder, "adapter.json");
  const manifest = JSON.parse(fs.readFileSync(manifestFile, "utf8"));
  const current = currentAfter(version, readManifest(folder).current, cards);
  writeAtomically(manifestFile, `${JSON.stringify({ ...manifest, current }, null, 2)}\n`);
  return version;
}

/** It takes the place of the version for the same base model; those for others go on serving there. */
function currentAfter(
  { ordinal, base }: VersionCard,
  before: readonly number[],
  cards: readonly VersionCard[],
): number | number[] {
  const isOfOther = (each: number) => {
    const card = cards.find((other) => other.ordinal === each);
    return card !== undefined && card.base.sha256 !== base.sha256;
  };
  const others = before.filter((each) => each !== ordinal && isOfOther(each));
  return others.length === 0 ? ordinal : [...others, ordinal].sort((a, b) => a - b);
}
