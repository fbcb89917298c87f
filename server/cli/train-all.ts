import path from "node:path";
import type { Config } from "../config.ts";
import type { TrainConfig } from "../learning/index.ts";
import { resolveModel } from "../models/index.ts";
import { type ErrorBody, PatchbayError } from "../protocol/index.ts";
import { adapterFolders, trainCommand, type VersionCard } from "../registry/index.ts";
import { note, type Progress, partOf } from "./output.ts";
import { trainOne } from "./train-one.ts";

export interface Outcome {
  trained: { id: string; card: VersionCard }[];
  failed: { id: string; error: ErrorBody }[];
}

/**
 * Trains every adapter in turn for one base model. One that fails does not keep the others from their training; a stop
 * ends them all.
 * @throws {PatchbayError} `training-stopped`, `bad-request` where there is no adapter, and what fetching the model throws
 */
export async function trainAll(config: Config, settings: TrainConfig, progress: Progress): Promise<Outcome> {
  const ids = adapterFolders(config.adaptersDir).map((folder) => path.basename(folder));
  if (ids.length === 0)
    throw new PatchbayError("bad-request", "There is no adapter to train.", {
      hint: "Make one with: npx patchbay adapters new ID --data FILE",
    });
  // Once for all: without the model, every one of them would fail.
  await resolveModel(config.model, config.cacheDir, (step, done) => progress.show(step, done));
  const outcome: Outcome = { trained: [], failed: [] };
  for (const [index, id] of ids.entries()) {
    const part = partOf(progress, `${index + 1} of ${ids.length}, ${id}`, index, ids.length);
    try {
      const card = await trainOne({ id, config, settings, progress: part });
      outcome.trained.push({ id, card });
    } catch (cause) {
      const error =
        cause instanceof PatchbayError ? cause : new PatchbayError("internal", String(cause), { cause });
      if (error.code === "training-stopped") {
        for (const left of ids.slice(index + 1)) note(`Not begun: ${trainCommand(left, config.model)}`);
        throw error;
      }
      note(`${id} failed: ${error.message}${error.hint ? ` ${error.hint}` : ""}`);
      outcome.failed.push({ id, error: error.toBody() });
    }
  }
  return outcome;
}
