import { createHash } from "node:crypto";
import { BASE } from "../protocol/index.ts";
import { randomNumbers } from "../random.ts";
import { FOLDS, judgeUnseen, readingOf } from "./calibrate.ts";
import { FEATURES_VERSION, hash } from "./features.ts";
import type { Head } from "./head.ts";
import { PartsTrainer, type TrainingRow } from "./parts.ts";
import { vocabularyOf } from "./speller.ts";
import type { Embeddings, Example, Turn } from "./turn.ts";

export interface TrainHeadOptions {
  seed: number;
  /** Without: n-grams alone. */
  embeddings: Embeddings | null;
  /** Words of the language, so that slips can be told from new words; none: nothing is taken for a slip. */
  knownWords: readonly string[];
}

/** Changes whenever the same rows and options would give another head. */
const RECIPE = 5;
/** A domain with few rows counts for more than its share, but not without bounds. */
const MAX_BALANCE = 4;
/** Share of later turns that learn with a wrong last expert or none, so that one mistake does not bring the next. */
const EXPERT_NOISE = 0.3;

/**
 * Trains a head. Labels may be any strings; null, like `base`, is the background. What adds up the parts and where the
 * thresholds lie is found on rows that the parts have not seen (a fifth by hash of the text, so that a row always falls
 * on the same side; all fifths where rows are few); the head itself then learns from all.
 * Time on one core: about 2 s for 220 rows, 20 s for 15,000 with embeddings, a third of that by words alone.
 */
export function trainHead(examples: readonly Example[], options: Partial<TrainHeadOptions> = {}): Head {
  const { seed = 1, embeddings = null, knownWords = [] } = options;
  const labels = labelsOf(examples);
  const rows = toRows(examples, labels, seed);
  const trainer = new PartsTrainer(labels, embeddings, seed);
  const parts = trainer.train(rows);
  const unseen = judgeUnseen(
    rows.filter(({ fold }) => fold !== NO_FOLD),
    trainer,
  );
  return {
    version: headVersion(examples, { seed, hears: embeddings ? "meaning" : "words" }),
    labels,
    vocabulary:
      knownWords.length === 0
        ? new Map()
        : vocabularyOf(new Set(examples.map(({ text }) => text)), knownWords),
    ...parts,
    byWords: readingOf(unseen, labels.length, "words"),
    byAll: parts.meaning && readingOf(unseen, labels.length, "all"),
  };
}

/** The version that a head over these rows has, without training it. */
export function headVersion(
  examples: readonly Example[],
  { seed = 1, hears = "words" }: { seed?: number; hears?: "words" | "meaning" } = {},
): string {
  const digest = createHash("sha256").update(JSON.stringify([RECIPE, FEATURES_VERSION, hears, seed]));
  for (const { text, before, weight = 1, ownPlace, ...example } of examples)
    digest.update(
      `\n${JSON.stringify([text, labelOf(example), weight, before ?? null, ...(ownPlace === undefined ? [] : [ownPlace])])}`,
    );
  return digest.digest("hex").slice(0, 12);
}

const labelOf = ({ label }: Pick<Example, "label">): string => label ?? BASE;

function labelsOf(examples: readonly Example[]): string[] {
  const domains = new Set(examples.map(labelOf));
  domains.delete(BASE);
  return [...[...domains].sort(), BASE];
}

/** Of rows that scales and thresholds are found without. */
const NO_FOLD = -1;

/** Rows with class weights: the inverse square root of a class's share. */
function toRows(examples: readonly Example[], labels: readonly string[], seed: number): TrainingRow[] {
  const counts = new Map<string, number>();
  for (const example of examples)
    counts.set(labelOf(example), (counts.get(labelOf(example)) ?? 0) + (example.weight ?? 1));
  const mean = [...counts.values()].reduce((sum, count) => sum + count, 0) / counts.size;
  const balance = (label: string) => Math.min(MAX_BALANCE, Math.sqrt(mean / (counts.get(label) ?? mean)));
  const random = randomNumbers(seed);
  return examples.map((example) => ({
    turn: {
      text: example.text,
      before: example.before ? mistakeExpert(example.before, labels, random) : null,
    },
    target: labels.indexOf(labelOf(example)),
    goes: example.before?.expert ? example.before.expert !== labelOf(example) : null,
    weight: balance(labelOf(example)) * (example.weight ?? 1),
    fold: example.ownPlace === undefined ? hash(example.group ?? example.text) % FOLDS : NO_FOLD,
    ownPlace: example.ownPlace ?? 0,
  }));
}

function mistakeExpert(
  before: NonNullable<Turn["before"]>,
  labels: readonly string[],
  random: () => number,
): NonNullable<Turn["before"]> {
  if (random() >= EXPERT_NOISE) return before;
  return { ...before, expert: labels[Math.floor(random() * (labels.length + 1))] ?? null };
}
