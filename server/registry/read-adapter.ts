import fs from "node:fs";
import path from "node:path";
import type { z } from "zod";
import type { AdapterFile, Sampling } from "../engines/index.ts";
import { sha256OfFile } from "../models/index.ts";
import { type AdapterSummary, PatchbayError } from "../protocol/index.ts";
import { Manifest, VersionCard, versionFileStem } from "./adapter-files.ts";
import { type Prompt, readPrompt } from "./prompt.ts";

/** An adapter that may answer: every file is there, is the one it claims to be and fits the base model. */
export interface Adapter {
  summary: AdapterSummary;
  prompt: Prompt;
  sampling: Sampling;
  file: AdapterFile;
  card: VersionCard;
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
    .filter((name) => name.endsWith(".json"))
    .map((name) => readJson(path.join(versions, name), VersionCard))
    .sort((a, b) => a.ordinal - b.ordinal);
}

/**
 * Reads an adapter's folder and proves its current version.
 * @throws {PatchbayError} `adapter-invalid`, `adapter-hash-mismatch`, `adapter-base-mismatch`
 */
export async function readAdapter(folder: string, promptsDir: string, baseSha256: string): Promise<Adapter> {
  const manifest = readManifest(folder);
  const { id, title, description, colour, notice, examples, sampling } = manifest;
  const train = `npx patchbay adapters train ${id}`;
  const card = readCards(folder).find((version) => version.ordinal === manifest.current);
  if (!card)
    throw new PatchbayError("adapter-invalid", `${id} has no trained version to serve.`, {
      hint: `Train one with: ${train}`,
    });
  const file = await verifiedFile(folder, id, card);
  if (card.base.sha256 !== baseSha256)
    throw new PatchbayError(
      "adapter-base-mismatch",
      `${file.version} was trained for ${card.base.name}, which is not the model that runs.`,
      {
        hint: `Train one for this model with: ${train}`,
      },
    );
  return {
    summary: { id, title, description, colour, notice, examples, version: file.version },
    prompt: readPrompt(promptsDir, manifest.prompt),
    sampling,
    file,
    card,
  };
}

/** What `health` or `health@2` names; an ordinal of null is the current version. @throws {PatchbayError} `bad-request` */
export function versionNamed(name: string): { id: string; ordinal: number | null } {
  const match = /^([a-z0-9-]+)(?:@(\d+))?$/.exec(name);
  if (!match?.[1])
    throw new PatchbayError("bad-request", `"${name}" is no adapter or version, such as health or health@2.`);
  return { id: match[1], ordinal: match[2] === undefined ? null : Number(match[2]) };
}

/**
 * One version of an adapter, proved; null: the current one.
 * @throws {PatchbayError} `adapter-unknown`, `adapter-invalid`, `adapter-hash-mismatch`, `adapter-base-mismatch`
 */
export async function readVersion(
  folder: string,
  ordinal: number | null,
): Promise<{ file: AdapterFile; card: VersionCard }> {
  const { id, current } = readManifest(folder);
  const cards = readCards(folder);
  const card = cards.find((version) => version.ordinal === (ordinal ?? current));
  if (!card)
    throw new PatchbayError(
      "adapter-unknown",
      ordinal === null ? `${id} has no trained version.` : `There is no ${id}@${ordinal}.`,
      {
        hint:
          cards.length === 0
            ? `Train one with: npx patchbay adapters train ${id}`
            : `There are: ${cards.map((version) => `${id}@${version.ordinal}`).join(", ")}.`,
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
