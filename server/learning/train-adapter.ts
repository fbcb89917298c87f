import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import type { AdapterFile, Engine } from "../engines/index.ts";
import { type BaseModel, sha256OfFile } from "../models/index.ts";
import { adapterFolder, readPrompt, readVersion, type VersionCard, versionNamed } from "../registry/index.ts";
import { readDataset } from "./dataset.ts";
import { checkParity, type Parity } from "./parity.ts";
import { publishVersion } from "./publish-version.ts";
import { pythonEnvironment } from "./python-environment.ts";
import { replayRows } from "./replay.ts";
import { resultFile, writeRun } from "./run-folder.ts";
import { RunJournal } from "./run-page/journal.ts";
import { type RunRows, refuseLeaks, runRows, writeRunRows } from "./run-rows.ts";
import { checkTokens } from "./token-check.ts";
import type { TrainConfig } from "./train-config.ts";
import { runTrainer, type TrainerEvent } from "./trainer.ts";

export interface TrainOptions {
  folder: string;
  promptsDir: string;
  /** adapters/trainer. */
  trainerDir: string;
  /** A new folder, or that of a run that was stopped, which then goes on. */
  runFolder: string;
  cacheDir: string;
  base: BaseModel;
  config: TrainConfig;
  /** Asked for where the base model has to answer something first. */
  engine: () => Promise<Engine>;
  onEvent: (event: TrainerEvent) => void;
  onLine: (line: string) => void;
}

const Result = z.object({
  heldOutLoss: z.object({ base: z.number(), adapter: z.number() }),
  heldOutRows: z.number(),
  trainRows: z.number(),
  trainTokens: z.number(),
  tokensTrained: z.number(),
  steps: z.number(),
  seconds: z.number(),
  lossCurve: z.array(z.object({ step: z.number(), loss: z.number() })),
  /** Where and in what number format; absent in runs of before it was written down. */
  machine: z.record(z.string(), z.string()).default({}),
  versions: z.record(z.string(), z.string()),
});

/** An adapter that was trained and not yet published. */
export interface Trained {
  file: AdapterFile;
  card: Omit<VersionCard, "ordinal" | "sha256" | "bytes"> & { parity: Parity };
}

/**
 * Trains an adapter on its folder's dataset and makes the result its current version for this base model.
 * @throws {PatchbayError} as {@link runTraining}
 */
export async function trainAdapter(options: TrainOptions): Promise<VersionCard> {
  const { file, card } = await withJournal(options, runTraining);
  return publishVersion(options.folder, file.path, card);
}

/** Tells people where they can watch the run. */
async function withJournal(
  options: TrainOptions,
  train: (options: TrainOptions) => Promise<Trained>,
): Promise<Trained> {
  const { folder, base, runFolder, onLine } = options;
  const journal = new RunJournal(runFolder, { adapter: path.basename(folder), base: base.name });
  onLine(`loss curve, refreshed while it runs: ${pathToFileURL(journal.page)}`);
  const onEvent = (event: TrainerEvent) => {
    journal.add(event);
    options.onEvent(event);
  };
  try {
    const trained = await train({ ...options, onEvent });
    const { sameTop, tokens } = trained.card.parity;
    journal.add({ event: "finished", sameTop, tokens });
    return trained;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!journal.isOver) journal.add({ event: "failed", code: "training-failed", message });
    throw error;
  }
}

/** @throws {PatchbayError} `training-failed`, `training-stopped`, `data-invalid`, `python-missing` */
export async function runTraining(options: TrainOptions): Promise<Trained> {
  const { base, config, runFolder, trainerDir } = options;
  const { rows, run, python } = await prepareRun(options);
  const resultPath = resultFile(runFolder);
  // It is there where the same run was trained and then not measured: nothing has to be learnt again.
  if (!fs.existsSync(resultPath)) await runTrainer(python, trainerDir, runFolder, options.onEvent);
  const tokenCheck = await checkTokens(python, trainerDir, runFolder, options.onLine);
  const result = Result.parse(JSON.parse(fs.readFileSync(resultPath, "utf8")));
  const { versions, machine, ...figures } = result;
  const gguf = path.join(runFolder, "adapter.gguf");
  const file = { version: run.adapter, sha256: await sha256OfFile(gguf), path: gguf };
  return {
    file,
    card: {
      base: { name: base.name, sha256: base.sha256 },
      dataSha256: rows.dataSha256,
      promptSha256: rows.promptSha256,
      configSha256: run.configSha256,
      config: { ...config },
      ...figures,
      ...(tokenCheck && { tokenCheck }),
      parity: await parityOf(options, file, rows.heldOut),
      trainer: { ...versions, ...machine },
      trainedAt: new Date().toISOString(),
    },
  };
}

/** Writes the run folder that adapters/trainer reads, and sees to its Python environment. */
export async function prepareRun(options: Omit<TrainOptions, "onEvent">) {
  const { folder, promptsDir, base, config, runFolder, trainerDir, cacheDir, onLine } = options;
  // First of all: what is replayed takes the base model minutes. Paraphrases leak where their rows do.
  refuseLeaks(runRows(folder, promptsDir, { ...config, augment: false }, []));
  const rows = runRows(folder, promptsDir, config, await replayFor(options));
  await writeRunRows(base.path, runFolder, rows);
  const run = {
    runId: path.basename(runFolder),
    adapter: path.basename(folder),
    base,
    init: await initial(folder, config.from, base),
    data: { sha256: rows.dataSha256 },
    prompt: { sha256: rows.promptSha256 },
    config,
    configSha256: createHash("sha256").update(JSON.stringify(config)).digest("hex"),
  };
  writeRun(runFolder, `${JSON.stringify(run, null, 2)}\n`);
  const python = await pythonEnvironment(path.join(trainerDir, "requirements.txt"), cacheDir, onLine);
  return { rows, run, python };
}

async function parityOf(
  { base, runFolder, onLine }: TrainOptions,
  file: AdapterFile,
  heldOut: RunRows["heldOut"],
): Promise<Parity> {
  const parity = await checkParity(base.path, file, runFolder, heldOut);
  onLine(
    `the served model agrees with the trained one: same likeliest token on ${(parity.sameTop * 100).toFixed(1)}% of ${parity.tokens} positions, ${(parity.sameClearTop * 100).toFixed(1)}% of the ${parity.clearTokens} with a clear lead, log-probabilities ${parity.meanDifference.toFixed(3)} apart in the mean`,
  );
  return parity;
}

/** The weights to start from. */
async function initial(folder: string, from: string | null, base: BaseModel) {
  if (from === null) return null;
  const { id, ordinal } = versionNamed(from);
  const { file } = await readVersion(adapterFolder(path.dirname(folder), id), ordinal, base);
  return { path: file.path, sha256: file.sha256 };
}

async function replayFor({
  folder,
  promptsDir,
  base,
  cacheDir,
  config,
  engine,
  onLine,
}: Omit<TrainOptions, "onEvent">) {
  const { train } = readDataset(path.join(folder, "dataset"));
  let tenth = 0;
  return replayRows(
    {
      base,
      background: path.join(path.dirname(folder), "router", "train.jsonl"),
      count: Math.round(config.replay * train.length),
      systemPrompt: readPrompt(promptsDir, "base.md").text,
      cacheDir,
    },
    engine,
    (share) => {
      if (Math.floor(share * 10) > tenth)
        onLine(`the base model answers general turns ${Math.round(share * 100)}%`);
      tenth = Math.floor(share * 10);
    },
  );
}
