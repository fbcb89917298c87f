import fs from "node:fs";
import path from "node:path";
import { ulid } from "ulid";
import { type Config, packageRoot } from "../config.ts";
import { canGoOn, type TrainConfig, trainAdapter } from "../learning/index.ts";
import { type BaseModel, resolveModel } from "../models/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { adapterFolder, trainCommand, type VersionCard } from "../registry/index.ts";
import { withEngineOnDemand } from "./engine-on-demand.ts";
import { note, type Progress } from "./output.ts";
import { showEvent } from "./training-progress.ts";

export interface Training {
  id: string;
  config: Config;
  /** null: go on with this adapter's last run for the base model that was stopped, with that run's settings. */
  settings: TrainConfig | null;
  progress: Progress;
}

/** Trains one adapter in a run folder below the data folder. A run that was stopped there can go on. */
export async function trainOne({ id, config, settings, progress }: Training): Promise<VersionCard> {
  const folder = adapterFolder(config.adaptersDir, id);
  const base = await resolveModel(config.model, config.cacheDir, (step, done) => progress.show(step, done));
  const runs = path.join(config.dataDir, "training");
  const run = settings
    ? { folder: path.join(runs, ulid()), config: settings }
    : stoppedRun(runs, id, base, config.model);
  try {
    return await withEngineOnDemand(config, base, progress, (engine) =>
      trainAdapter({
        folder,
        promptsDir: config.promptsDir,
        trainerDir: path.join(packageRoot, "adapters", "trainer"),
        runFolder: run.folder,
        cacheDir: config.cacheDir,
        base,
        config: run.config,
        engine,
        onEvent: (event) => showEvent(progress, event),
        onLine: note,
      }),
    );
  } catch (error) {
    if (canGoOn(run.folder)) note(`Go on with: ${trainCommand(`${id} --resume`, config.model)}`);
    throw error;
  }
}

/** The newest run of this adapter for this base that was stopped. @throws {PatchbayError} `bad-request` where there is none */
function stoppedRun(
  runs: string,
  id: string,
  base: BaseModel,
  model: string | undefined,
): { folder: string; config: TrainConfig } {
  const names = fs.existsSync(runs) ? fs.readdirSync(runs).sort().reverse() : [];
  for (const name of names) {
    const folder = path.join(runs, name);
    if (!canGoOn(folder)) continue;
    const run = JSON.parse(fs.readFileSync(path.join(folder, "run.json"), "utf8"));
    if (run.adapter === id && run.base.sha256 === base.sha256) return { folder, config: run.config };
  }
  throw new PatchbayError("bad-request", `No run of ${id} for ${base.name} was stopped.`, {
    hint: `Start one with: ${trainCommand(id, model)}`,
  });
}
