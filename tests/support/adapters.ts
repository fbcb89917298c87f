import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { packageRoot } from "../../server/config.ts";
import { Manifest, readCards, type VersionCard, versionFileStem } from "../../server/registry/index.ts";
import { temporaryFolder } from "./folder.ts";

const shipped = path.join(packageRoot, "adapters");
export const promptsDir = path.join(packageRoot, "prompts");

/** A folder for the test alone, with copies of the shipped adapters. */
export function adaptersFolder(ids = ["education", "entertainment", "health", "support"]): string {
  const folder = path.join(temporaryFolder(), "adapters");
  fs.mkdirSync(folder);
  for (const id of ids) fs.cpSync(path.join(shipped, id), path.join(folder, id), { recursive: true });
  return folder;
}

/** A valid folder of a new adapter, somewhere else: a shipped one with a first version and router examples of its own. */
export function newAdapter(id: string, examples: readonly string[] = []): string {
  const folder = path.join(temporaryFolder(), id);
  fs.cpSync(path.join(shipped, "support"), folder, {
    recursive: true,
    filter: (source) => path.basename(source) !== "dataset",
  });
  editManifest(folder, { id, title: id, description: "New here" });
  const copied = shippedCard("support");
  writeVersion(folder, copied, 1);
  for (const extension of ["json", "gguf"]) fs.rmSync(versionPath(folder, copied.sha256, extension));
  fs.mkdirSync(path.join(folder, "dataset"));
  const rows = examples.map((text) => `${JSON.stringify({ text })}\n`);
  fs.writeFileSync(path.join(folder, "dataset", "router.jsonl"), rows.join(""));
  return folder;
}

/** Plugs in: a copy, which takes a moment and comes in pieces. */
export const dropIn = (adapter: string, adaptersDir: string): string => {
  const folder = path.join(adaptersDir, path.basename(adapter));
  fs.cpSync(adapter, folder, { recursive: true });
  return folder;
};

/** Some base model that no adapter was trained for. */
export const otherBase = { name: "another", sha256: "a".repeat(64) };

/** The first version's card or weights in an adapter's folder. */
export function versionFile(folder: string, extension: "json" | "gguf"): string {
  const [card] = readCards(folder);
  if (!card) throw new Error(`${folder} has no version`);
  return versionPath(folder, card.sha256, extension);
}

const versionPath = (folder: string, sha256: string, extension: string): string =>
  path.join(folder, "versions", `${versionFileStem(sha256)}.${extension}`);

/**
 * Adds a version to an adapter's folder and makes it the only current one, in the order in which training does. Its file
 * is that of the version before with some of the lowest bits of its last weight changed, and with another base model's hash
 * inside where one is given.
 * @returns its ordinal
 */
export function addVersion(folder: string, base?: { name: string; sha256: string }): number {
  const before = readCards(folder).at(-1);
  if (!before) throw new Error(`${folder} has no version to start from`);
  writeVersion(folder, before, before.ordinal + 1, base);
  return before.ordinal + 1;
}

function writeVersion(
  folder: string,
  before: VersionCard,
  ordinal: number,
  base?: { name: string; sha256: string },
): void {
  const content = fs.readFileSync(versionPath(folder, before.sha256, "gguf"));
  const lastWeight = content.length - 2;
  content.writeUInt8(content.readUInt8(lastWeight) ^ ordinal, lastWeight);
  if (base) content.write(base.sha256, content.indexOf(before.base.sha256), "latin1");
  const sha256 = createHash("sha256").update(content).digest("hex");
  fs.writeFileSync(versionPath(folder, sha256, "gguf"), content);
  const card = { ...before, ordinal, sha256, base: base ?? before.base };
  fs.writeFileSync(versionPath(folder, sha256, "json"), JSON.stringify(card));
  editManifest(folder, { current: [ordinal] });
}

export function editManifest(folder: string, change: Partial<Manifest>): void {
  const file = path.join(folder, "adapter.json");
  const manifest = JSON.parse(fs.readFileSync(file, "utf8"));
  fs.writeFileSync(file, JSON.stringify(Manifest.parse({ ...manifest, ...change })));
}

/** The base model for which a shipped adapter was trained. */
export const shippedBaseSha256 = (): string => shippedCard("support").base.sha256;

/** The version of a shipped adapter, as `support@1`, or the one that comes `later` additions after it. */
export const shippedVersion = (id: string, later = 0): string => `${id}@${shippedCard(id).ordinal + later}`;

function shippedCard(id: string): VersionCard {
  const [card] = readCards(path.join(shipped, id));
  if (!card) throw new Error(`${id} is shipped without a version`);
  return card;
}
