import path from "node:path";
import type { Config } from "../config.ts";
import { type BaseModel, identifyModel } from "../models/index.ts";
import {
  adapterFolders,
  currentCard,
  readCards,
  readManifest,
  trainCommand,
  type VersionCard,
} from "../registry/index.ts";
import { signedPercent, table } from "./output.ts";

type Base = Pick<BaseModel, "name" | "sha256">;
type ListedVersion = Pick<VersionCard, "sha256" | "bytes" | "base" | "heldOutLoss">;

/** A domain with the version that a server on this base model would serve, without it, or what is wrong with it. */
type Listed = { id: string } & (
  | ({ version: string; otherBases: OtherBase[] } & ListedVersion)
  /** The base model answers under the domain's prompt alone. */
  | { version: null; base: Base; train: string; otherBases: OtherBase[] }
  | { version: null; problem: string }
);

/** A version that serves where another base model runs. */
interface OtherBase {
  version: string;
  base: Base;
}

/** @throws {PatchbayError} `model-not-found` where the base model has not been fetched */
export async function listAdapters({ model, cacheDir, adaptersDir }: Config): Promise<Listed[]> {
  const { name, sha256 } = await identifyModel(model, cacheDir, () => undefined);
  return adapterFolders(adaptersDir).map((folder) => listed(folder, { name, sha256 }, model));
}

function listed(folder: string, running: Base, model: string | undefined): Listed {
  const id = path.basename(folder);
  try {
    const manifest = readManifest(folder);
    const cards = readCards(folder);
    const card = currentCard(manifest, cards, running.sha256);
    const otherBases = cards
      .filter(({ ordinal, base }) => manifest.current.includes(ordinal) && base.sha256 !== running.sha256)
      .map(({ ordinal, base }) => ({ version: `${id}@${ordinal}`, base }));
    if (!card) return { id, version: null, base: running, train: trainCommand(id, model), otherBases };
    const { sha256, bytes, base, heldOutLoss } = card;
    return { id, version: `${id}@${card.ordinal}`, sha256, bytes, base, heldOutLoss, otherBases };
  } catch (error) {
    return { id, version: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

export const adapterTable = (rows: readonly Listed[]): string =>
  table([["ID", "VERSION", "BASE", "SIZE", "LOSS BASE", "ADAPTER", ""], ...rows.map(cells)]);

function cells(row: Listed): string[] {
  if ("problem" in row) return [row.id, "–", "–", "–", "–", "–", row.problem];
  const elsewhere = row.otherBases.map(({ version, base }) => `${version} for ${base.name}`).join(", ");
  if (row.version === null)
    return [
      row.id,
      "prompt alone",
      row.base.name,
      "–",
      "–",
      "–",
      `train it with: ${row.train}${elsewhere && ` (there is ${elsewhere})`}`,
    ];
  const { base, adapter } = row.heldOutLoss;
  return [
    row.id,
    row.version,
    row.base.name,
    `${(row.bytes / 1e6).toFixed(1)} MB`,
    base.toFixed(3),
    adapter.toFixed(3),
    `${signedPercent(adapter / base - 1)}${elsewhere && `, also ${elsewhere}`}`,
  ];
}
