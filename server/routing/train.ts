import { createHash } from "node:crypto";
import { BASE } from "../protocol/index.ts";
import type { Example } from "./examples.ts";
import { FEATURES_VERSION, hash, vectorise } from "./features.ts";
import type { Head } from "./head.ts";
import {
  fitTemperature,
  type LinearModel,
  type LogisticRow,
  linearScores,
  type ScoredRow,
  trainLogistic,
} from "./logistic.ts";
import { chooseThreshold } from "./threshold.ts";

export interface TrainHeadOptions {
  /** Passes over the rows; few rows get more of them. */
  epochs: number;
  /** AdaGrad's step size. */
  rate: number;
  /** Strength of the pull of every weight towards zero. */
  l2: number;
  seed: number;
}

export const defaultTrainHead: TrainHeadOptions = { epochs: 12, rate: 0.3, l2: 1e-3, seed: 1 };

/** Changes whenever the same rows and options would give another head. */
const RECIPE = 1;
/** Passes go on until so many rows were seen, so that twenty examples are learnt too, up to this many passes. */
const MIN_VISITS = 10_000;
const MAX_EPOCHS = 40;
/** Rows fall into this many folds, by hash of their text. */
const FOLDS = 10;
/** Calibration wants this many unseen rows: one fold of a large set, all ten of a small one. */
const CALIBRATION_ROWS = 200;
/** Fewer are not trusted to set anything. */
const MIN_CALIBRATION_ROWS = 40;
const UNCALIBRATED = { temperature: 1, threshold: 0.5 };
/** A domain with few rows counts for more than its share, but not without bounds. */
const MAX_BALANCE = 4;

/**
 * Trains a head: about a second for 3,000 rows. Labels may be any strings; null, like `base`, is the background.
 * Temperature and threshold are set on rows that a model trained on the other nine tenths has not seen (a tenth by hash
 * of the text, so that a row always falls on the same side; several tenths where rows are few); the head itself then
 * learns from all.
 */
export function trainHead(examples: readonly Example[], options: Partial<TrainHeadOptions> = {}): Head {
  const config = { ...defaultTrainHead, ...options };
  const labels = labelsOf(examples);
  const rows = toRows(examples, labels);
  const epochs = Math.max(config.epochs, Math.min(MAX_EPOCHS, Math.ceil(MIN_VISITS / rows.length)));
  const train = (some: LogisticRow[]) => trainLogistic(some, { ...config, epochs, classes: labels.length });
  return { version: headVersion(examples, options), labels, model: train(rows), ...calibrate(rows, train) };
}

/** The version that a head over these rows has, without training it. */
export function headVersion(examples: readonly Example[], options: Partial<TrainHeadOptions> = {}): string {
  const { epochs, rate, l2, seed } = { ...defaultTrainHead, ...options };
  const digest = createHash("sha256").update(
    JSON.stringify([RECIPE, FEATURES_VERSION, epochs, rate, l2, seed]),
  );
  for (const example of examples)
    digest.update(`\n${JSON.stringify([example.text, labelOf(example), example.weight ?? 1])}`);
  return digest.digest("hex").slice(0, 12);
}

const labelOf = ({ label }: Example): string => label ?? BASE;

function labelsOf(examples: readonly Example[]): string[] {
  const domains = new Set(examples.map(labelOf));
  domains.delete(BASE);
  return [...[...domains].sort(), BASE];
}

interface Row extends LogisticRow {
  fold: number;
}

/** Rows with class weights: the inverse square root of a class's share. */
function toRows(examples: readonly Example[], labels: string[]): Row[] {
  const counts = new Map<string, number>();
  for (const example of examples)
    counts.set(labelOf(example), (counts.get(labelOf(example)) ?? 0) + (example.weight ?? 1));
  const mean = [...counts.values()].reduce((sum, count) => sum + count, 0) / counts.size;
  const balance = (label: string) => Math.min(MAX_BALANCE, Math.sqrt(mean / (counts.get(label) ?? mean)));
  return examples.map((example) => ({
    vector: vectorise(example.text),
    target: labels.indexOf(labelOf(example)),
    weight: balance(labelOf(example)) * (example.weight ?? 1),
    fold: hash(example.text) % FOLDS,
  }));
}

function calibrate(
  rows: Row[],
  train: (some: LogisticRow[]) => LinearModel,
): Pick<Head, "temperature" | "threshold"> {
  if (rows.length < MIN_CALIBRATION_ROWS) return UNCALIBRATED;
  const unseen: ScoredRow[] = [];
  for (let fold = 0; fold < FOLDS && unseen.length < CALIBRATION_ROWS; fold++) {
    const model = train(rows.filter((row) => row.fold !== fold));
    for (const { vector, target, weight } of rows.filter((row) => row.fold === fold))
      unseen.push({ scores: linearScores(model, vector), target, weight });
  }
  const temperature = fitTemperature(unseen);
  return { temperature, threshold: chooseThreshold(unseen, temperature) ?? UNCALIBRATED.threshold };
}
