import { createHash } from "node:crypto";
import path from "node:path";
import { withPromptEncoder } from "../engines/index.ts";
import type { Placed } from "../json-lines.ts";
import { PatchbayError } from "../protocol/index.ts";
import { adapterFolders, readManifest, readPrompt } from "../registry/index.ts";
import { writeAtomically } from "../write-atomically.ts";
import { augment } from "./augment.ts";
import { type Conversation, type LabelledTurn, placeOf, readDataset } from "./dataset.ts";
import { firstTurns, type LabelTask } from "./label-task.ts";
import { leaks } from "./leaks.ts";
import type { TrainConfig } from "./train-config.ts";
import { labelRow, type TrainingRow, trainingRow } from "./training-rows.ts";

/** Conversations to learn from under one system prompt. */
export interface RunPart {
  systemPrompt: string;
  rows: Placed<Conversation>[];
  /** What is taught beside the answers; null: nothing. */
  labels: { task: LabelTask; turns: Placed<LabelledTurn>[] } | null;
}

/** What a run learns from and is measured on. */
export interface RunRows {
  train: RunPart[];
  heldOut: { systemPrompt: string; rows: Placed<Conversation>[] };
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
  replay: Placed<Conversation>[],
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

/**
 * Writes the rows as token ids, made by the encoder that serves.
 * @throws {PatchbayError} `data-invalid` for rows longer than what the base model was made for: nothing is ever cut
 */
export async function writeRunRows(
  modelPath: string,
  runFolder: string,
  { train, heldOut }: Pick<RunRows, "train" | "heldOut">,
): Promise<void> {
  await withPromptEncoder(modelPath, (encoder) => {
    const write = (name: string, rows: readonly EncodedRow[]) =>
      writeAtomically(path.join(runFolder, name), rows.map(({ row }) => `${JSON.stringify(row)}\n`).join(""));
    const answers = (systemPrompt: string, rows: readonly Placed<Conversation>[]): EncodedRow[] =>
      rows.map((row) => ({ row: trainingRow(encoder, systemPrompt, row), where: row.where }));
    const labelRows = ({ labels }: RunPart): EncodedRow[] =>
      labels
        ? labels.turns.map((turn) => ({ row: labelRow(encoder, labels.task, turn), where: turn.where }))
        : [];
    const learnt = train.flatMap((part) => [...answers(part.systemPrompt, part.rows), ...labelRows(part)]);
    const measured = answers(heldOut.systemPrompt, heldOut.rows);
    refuse(
      tooLong([...learnt, ...measured], encoder.trainContextSize),
      "Nothing is cut, for the end is what is to be learnt: shorten it, or make several rows of it.",
    );
    write("train.jsonl", learnt);
    write("heldout.jsonl", measured);
    write("parity.jsonl", parityRows(measured));
    writeAtomically(path.join(runFolder, "chat_template.jinja"), encoder.template);
  });
}

/** A row as the trainer reads it, and where the dataset has it. */
interface EncodedRow {
  row: TrainingRow;
  where: string;
}

const tooLong = (rows: readonly EncodedRow[], contextSize: number): string[] =>
  rows
    .filter(({ row }) => row.input_ids.length > contextSize)
    .map(
      ({ row: { id, input_ids }, where }) =>
        `${placeOf({ where, id })} has ${input_ids.length} tokens with its prompt, and the base model's context holds ${contextSize}.`,
    );

/** @throws {PatchbayError} `data-invalid` where a row to train on says nearly what a held-out one does, in any of the domains */
export function refuseLeaks({ train, heldOut }: Pick<RunRows, "train" | "heldOut">): void {
  const rows = train.flatMap((part) => part.rows);
  refuse(
    leaks(rows, heldOut.rows),
    "A row that was trained on says nothing about new questions: take it out of one file.",
  );
}

/** The first problem is told, and how many more there are; all of them are in the details. */
function refuse(problems: readonly string[], hint: string): void {
  const [first, ...more] = problems;
  if (first === undefined) return;
  const message = more.length === 0 ? first : `${first} So it is with ${more.length} more.`;
  throw new PatchbayError("data-invalid", message, { hint, details: problems });
}

export const parityRows = <T>(heldOut: readonly T[]): T[] => heldOut.slice(0, PARITY_ROWS);
