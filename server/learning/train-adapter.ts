import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { withPromptEncoder } from "../engines/index.ts";
import { type BaseModel, writeAtomically } from "../models/index.ts";
import { readManifest, readPrompt, type VersionCard } from "../registry/index.ts";
import { type Conversation, readDataset } from "./dataset.ts";
import { type LabelTask, labelledRows } from "./label-task.ts";
import { publishVersion } from "./publish-version.ts";
import { pythonEnvironment } from "./python-environment.ts";
import { runTrainer, type TrainerEvent } from "./trainer.ts";
import { labelRow, type TrainingRow, trainingRow } from "./training-rows.ts";

/** Hyperparameters of supervised fine-tuning. */
export interface TrainConfig {
  seed: number;
  /** LoRA rank; alpha is the numerator of the scale alpha / rank. */
  rank: number;
  alpha: number;
  learningRate: number;
  epochs: number;
  /** Conversations in a batch. */
  batchSize: number;
  /** What is taught: to answer, or to tell the labels of the adapter's label task as well (multi-task learning). */
  tasks: "answers" | "answers+labels";
  /** null: as many as the epochs make. */
  maxSteps: number | null;
  /** Tokens to train on, prompts included; null: as many as the epochs make. */
  maxTokens: number | null;
  /** In which order batches come: by chance, or short rows first (Bengio et al., 2009). */
  curriculum: "shuffled" | "short-first";
  /** null: only where it is stopped. */
  checkpointEverySteps: number | null;
  device: "auto" | "cpu" | "cuda";
  /** null: PyTorch's choice. */
  threads: number | null;
}

export const defaultTrainConfig: TrainConfig = {
  seed: 1,
  rank: 8,
  alpha: 16,
  learningRate: 1e-3,
  epochs: 2,
  batchSize: 8,
  tasks: "answers+labels",
  maxSteps: null,
  maxTokens: null,
  curriculum: "shuffled",
  checkpointEverySteps: 50,
  device: "auto",
  threads: null,
};

export interface TrainOptions {
  folder: string;
  promptsDir: string;
  /** adapters/trainer. */
  trainerDir: string;
  runFolder: string;
  cacheDir: string;
  base: BaseModel;
  config: TrainConfig;
  onEvent: (event: TrainerEvent) => void;
  onLine: (line: string) => void;
}

const Result = z.object({
  heldOutLoss: z.object({ base: z.number(), adapter: z.number() }),
  heldOutRows: z.number(),
  trainRows: z.number(),
  trainTokens: z.number(),
  steps: z.number(),
  seconds: z.number(),
  lossCurve: z.array(z.object({ step: z.number(), loss: z.number() })),
  versions: z.record(z.string(), z.string()),
});

/** Trains an adapter on its folder's dataset and makes the result its current version. */
export async function trainAdapter(options: TrainOptions): Promise<VersionCard> {
  const { folder, base, config, runFolder, trainerDir, cacheDir, onLine } = options;
  const manifest = readManifest(folder);
  const prompt = readPrompt(options.promptsDir, manifest.prompt);
  const dataset = readDataset(path.join(folder, "dataset"));
  const configSha256 = sha256(JSON.stringify(config));
  const labelTask = config.tasks === "answers" ? null : manifest.labelTask;
  await writeRunFolder(options, { systemPrompt: prompt.text, labelTask, ...dataset });
  writeJson(path.join(runFolder, "run.json"), {
    runId: path.basename(runFolder),
    adapter: path.basename(folder),
    base,
    data: { sha256: dataset.sha256 },
    prompt: { sha256: prompt.sha256 },
    config,
    configSha256,
  });
  const python = await pythonEnvironment(path.join(trainerDir, "requirements.txt"), cacheDir, onLine);
  await runTrainer(python, trainerDir, runFolder, options.onEvent);
  const result = Result.parse(JSON.parse(fs.readFileSync(path.join(runFolder, "result.json"), "utf8")));
  const { versions, ...figures } = result;
  return publishVersion(folder, path.join(runFolder, "adapter.gguf"), {
    base: { name: base.name, sha256: base.sha256 },
    dataSha256: dataset.sha256,
    promptSha256: prompt.sha256,
    configSha256,
    config: { ...config },
    ...figures,
    trainer: versions,
    trainedAt: new Date().toISOString(),
  });
}

/** What a run learns from. */
export interface RunRows {
  systemPrompt: string;
  /** Whose labels are taught beside the answers; null: none. */
  labelTask: LabelTask | null;
  train: Conversation[];
  heldOut: Conversation[];
}

/** The rows as token ids, made by the encoder that serves. */
export async function writeRunFolder(
  { base, runFolder }: Pick<TrainOptions, "base" | "runFolder">,
  { systemPrompt, labelTask, train, heldOut }: RunRows,
): Promise<void> {
  await withPromptEncoder(base.path, (encoder) => {
    const write = (name: string, rows: TrainingRow[]) =>
      writeAtomically(path.join(runFolder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const answers = (rows: Conversation[]) => rows.map((row) => trainingRow(encoder, systemPrompt, row));
    const labels = labelTask
      ? labelledRows(labelTask, train).map((row) => labelRow(encoder, labelTask, row))
      : [];
    write("train.jsonl", [...answers(train), ...labels]);
    write("heldout.jsonl", answers(heldOut));
  });
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const writeJson = (file: string, value: unknown): void =>
  writeAtomically(file, `${JSON.stringify(value, null, 2)}\n`);
