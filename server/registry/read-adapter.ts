import fs from "node:fs";
import path from "node:path";
import type { z } from "zod";
import type { AdapterFile, Sampling } from "../engines/index.ts";
import { sha256OfFile } from "../models/index.ts";
import { type AdapterSummary, PatchbayError } from "../protocol/index.ts";
import { isCardFile, Manifest, VersionCard, versionFileStem } from "./adapter-files.ts";
import { type Prompt, readPrompt } from "./prompt.ts";
import { trainCommand } from "./train-command.ts";

/** A domain that may answer: every file of it is there and is the one it claims to be. */
export interface Adapter {
  summary: AdapterSummary;
  prompt: Prompt;
  sampling: Sampling;
  /** null: none was trained for the base model that runs, which then answers under the domain's prompt alone. */
  version: AdapterVersion | null;
}

export interface AdapterVersion {
  file: AdapterFile;
  card: VersionCard;
}

/** The base model that runs. */
export interface RunningBase {
  sha256: string;
  /** As it was asked for, for commands that people are shown; undefined: the default. */
  model?: string | undefined;
}

export function readManifest(folder: string): Manifest {
  const manifest = readJson(path.join(folder, "adapter.json"), Manifest);
  if (manifest.id !== path.basename(folder))
    throw new PatchbayError(
      "adapter-invalid",
      `adapter.json in ${path.basename(folder)} has the id "${manifest.id}".`,
      {
        hint: "The id and the folder's name must be the same.",
      },
    );
  return manifest;
}

/** Cards of every trained version, oldest first. */
export function readCards(folder: string): VersionCard[] {
  const versions = path.join(folder, "versions");
  if (!fs.existsSync(versions)) return [];
  return fs
    .readdirSync(versions)
    .filter(isCardFile)
    .map((name) => readJson(path.join(versions, name), VersionCard))
    .sort((a, b) => a.ordinal - b.ordinal);
}

/**
 * Reads an adapter's folder and proves the version that fits the base model.
 * @throws {PatchbayError} `adapter-invalid`, `adapter-hash-mismatch`, `adapter-base-mismatch`
 */
export async function readAdapter(folder: string, promptsDir: string, base: RunningBase): Promise<Adapter> {
  const manifest = readManifest(folder);
  const { id, title, description, colour, notice, examples, sampling } = manifest;
  const card = currentCard(manifest, readCards(folder), base.sha256);
  const version = card && { file: await verifiedFile(folder, id, card), card };
  return {
    summary: {
      ...{ id, title, description, colour, notice, examples },
      version: version?.file.version ?? null,
      train: version ? null : trainCommand(id, base.model),
    },
    prompt: readPrompt(promptsDir, manifest.prompt),
    sampling,
    version,
  };
}

/**
 * The card of the version that serves on this base model; null where there is none.
 * @throws {PatchbayError} `adapter-invalid` where a current version has no card, as in a half-copied folder, or two of
 * them are for this base
 */
export function currentCard(
  { id, current }: Pick<Manifest, "id" | "current">,
  cards: readonly VersionCard[],
  baseSha256: string,
): VersionCard | null {
  const [card = null, second] = current
    .map((ordinal) => {
      const named = cards.find((version) => version.ordinal === ordinal);
      if (named) return named;
      throw new PatchbayError(
        "adapter-invalid",
        `${id}@${ordinal} is current and has no card in versions/.`,
        {
          hint: "Restore its files, or take it out of adapter.json.",
        },
      );
    })
    .filter(({ base }) => base.sha256 === baseSha256);
  if (card && second)
    throw new PatchbayError(
      "adapter-invalid",
      `${id}@${card.ordinal} and ${id}@${second.ordinal} are both current for ${card.base.name}.`,
      { hint: "Leave one of them in adapter.json." },
    );
  return card;
}

/** What `health` or `health@2` names; an ordinal of null is the current version. @throws {PatchbayError} `bad-request` */
export function versionNamed(name: string): { id: string; ordinal: number | null } {
  const match = /^([a-z0-9-]+)(?:@(\d+))?$/.exec(name);
  if (!match?.[1])
    throw new PatchbayError("bad-request", `"${name}" is no adapter or version, such as health or health@2.`);
  return { id: match[1], ordinal: match[2] === undefined ? null : Number(match[2]) };
}

/**
 * One version of an adapter, proved; null: the one that serves on this base model.
 * @throws {PatchbayError} `adapter-unknown`, `adapter-invalid`, `adapter-hash-mismatch`, `adapter-base-mismatch`
 */
export async function readVersion(
  folder: string,
  ordinal: number | null,
  base: RunningBase,
): Promise<AdapterVersion> {
  const manifest = readManifest(folder);
  const { id } = manifest;
  const cards = readCards(folder);
  const card =
    ordinal === null
      ? currentCard(manifest, cards, base.sha256)
      : cards.find((version) => version.ordinal === ordinal);
  const hint = `Train one with: ${trainCommand(id, base.model)}`;
  if (!card)
    throw new PatchbayError(
      "adapter-unknown",
      ordinal === null ? `${id} has no version for this base model.` : `There is no ${id}@${ordinal}.`,
      {
        hint:
          cards.length === 0
            ? hint
            : `There are: ${cards.map((version) => `${id}@${version.ordinal} for ${version.base.name}`).join(", ")}. ${hint}`,
      },
    );
  if (card.base.sha256 !== base.sha256)
    throw new PatchbayError(
      "adapter-base-mismatch",
      `${id}@${card.ordinal} was trained for ${card.base.name}.`,
      {
        hint: `Use it with that model by --model, or train one for this model: ${trainCommand(id, base.model)}`,
      },
    );
  return { file: await verifiedFile(folder, id, card), card };
}

/** Name, card, content and the hashes inside the GGUF file all have to say the same. */
async function verifiedFile(folder: string, id: string, card: VersionCard): Promise<AdapterFile> {
  const version = `${id}@${card.ordinal}`;
  const file = path.join(folder, "versions", `${versionFileStem(card.sha256)}.gguf`);
  if (!fs.existsSync(file)) throw new PatchbayError("adapter-invalid", `The file of ${version} is missing.`);
  if ((await sha256OfFile(file)) !== card.sha256)
    throw new PatchbayError(
      "adapter-hash-mismatch",
      `The file of ${version} is not the one that was trained.`,
      {
        hint: "It is damaged or was replaced: restore it, or train the adapter again.",
      },
    );
  if ((await baseInside(file)) !== card.base.sha256)
    throw new PatchbayError(
      "adapter-base-mismatch",
      `The file of ${version} names another base model than its card.`,
    );
  return { version, sha256: card.sha256, path: file };
}

async function baseInside(file: string): Promise<unknown> {
  const { readGgufFileInfo } = await import("node-llama-cpp");
  const { metadata } = await readGgufFileInfo(file, { readTensorInfo: false, logWarnings: false });
  return (metadata as { patchbay?: { base?: { sha256?: unknown } } }).patchbay?.base?.sha256;
}

function readJson<Schema extends z.ZodType>(file: string, schema: Schema): z.infer<Schema> {
  const name = path.join(path.basename(path.dirname(file)), path.basename(file));
  let value: unknown;
  try {
    value = JSON.parse(fs.readFileSync(file, "utf8"));
  } catch (cause) {
    throw new PatchbayError("adapter-invalid", `${name} cannot be read as JSON.`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PatchbayError(
    "adapter-invalid",
    `${name}: ${issue?.path.join(".") || "content"}: ${issue?.message}.`,
  );
}
