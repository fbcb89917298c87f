import { createHash } from "node:crypto";
import path from "node:path";
import { withPromptEncoder } from "../engines/index.ts";
import { adapterFolders, readManifest, readPrompt } from "../registry/index.ts";
import { writeAtomically } from "../write-atomically.ts";
import { augment } from "./augment.ts";
import { type Conversation, type LabelledTurn, readDataset } from "./dataset.ts";
import { firstTurns, type LabelTask } from "./label-task.ts";
import type { TrainConfig } from "./train-config.ts";
import { labelRow, type TrainingRow, trainingRow } from "./training-rows.ts";

/** Conversations to learn from under one system prompt. */
export interface RunPart {
  systemPrompt: string;
  rows: Conversation[];
  /** What is taught beside the answers; null: nothing. */
  labels: { task: LabelTask; turns: LabelledTurn[] } | null;
}

/** What a run learns from and is measured on. */
export interface RunRows {
  train: RunPart[];
  heldOut: { systemPrompt: string; rows: Conversation[] };
  /** SHA-256 over the data sets. */
  dataSha256: string;
  promptSha256: string;
}

/** Held-out rows whose numbers are compared between the trainer and the served model. */
const PARITY_ROWS = 12;

/** @param replay general conversations, see {@link TrainConfig.replay} */
export function runRows(
  folder: string,
  promptsDir: string,
  { tasks, scope, augment: augmented, seed }: Pick<TrainConfig, "tasks" | "scope" | "augment" | "seed">,
  replay: Conversation[],
): RunRows {
  const own = domain(folder, promptsDir);
  const others = adapterFolders(path.dirname(folder)).filter((other) => other !== folder);
  const domains = scope === "own" ? [own] : [own, ...others.map((other) => domain(other, promptsDir))];
  const teachesLabels = tasks === "answers+labels";
  const train = domains.map(({ prompt, labelTask, dataset }): RunPart => {
    const rows = augmented ? augment(dataset.train, seed) : dataset.train;
    const turns = (task: LabelTask) => [
      ...firstTurns(task, rows),
      ...dataset.labelled.filter(({ label }) => task.labels.includes(label)),
    ];
    return {
      systemPrompt: prompt.text,
      rows,
      labels: teachesLabels && labelTask ? { task: labelTask, turns: turns(labelTask) } : null,
    };
  });
  if (replay.length > 0)
    train.push({ systemPrompt: readPrompt(promptsDir, "base.md").text, rows: replay, labels: null });
  const hashes = domains.flatMap(({ labelTask, dataset: { sha256, labelled, labelledSha256 } }) =>
    teachesLabels && labelTask && labelled.length > 0 ? [sha256, labelledSha256] : [sha256],
  );
  return {
    train,
    heldOut: { systemPrompt: own.prompt.text, rows: own.dataset.heldOut },
    dataSha256:
      hashes.length === 1 ? own.dataset.sha256 : createHash("sha256").update(hashes.join()).digest("hex"),
    promptSha256: own.prompt.sha256,
  };
}

function domain(folder: string, promptsDir: string) {
  const { prompt, labelTask } = readManifest(folder);
  return {
    prompt: readPrompt(promptsDir, prompt),
    labelTask,
    dataset: readDataset(path.join(folder, "dataset")),
  };
}

/** Writes the rows as token ids, made by the encoder that serves. */
export async function writeRunRows(
  modelPath: string,
  runFolder: string,
  { train, heldOut }: Pick<RunRows, "train" | "heldOut">,
): Promise<void> {
  await withPromptEncoder(modelPath, (encoder) => {
    const write = (name: string, rows: TrainingRow[]) =>
      writeAtomically(path.join(runFolder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const answers = (systemPrompt: string, rows: Conversation[]) =>
      rows.map((row) => trainingRow(encoder, systemPrompt, row));
    const labelRows = ({ labels }: RunPart) =>
      labels ? labels.turns.map((turn) => labelRow(encoder, labels.task, turn)) : [];
    write(
      "train.jsonl",
      train.flatMap((part) => [...answers(part.systemPrompt, part.rows), ...labelRows(part)]),
    );
    write("heldout.jsonl", answers(heldOut.systemPrompt, heldOut.rows));
    write("parity.jsonl", answers(heldOut.systemPrompt, parityRows(heldOut.rows)));
    writeAtomically(path.join(runFolder, "chat_template.jinja"), encoder.template);
  });
}

export const parityRows = (heldOut: Conversation[]): Conversation[] => heldOut.slice(0, PARITY_ROWS);
