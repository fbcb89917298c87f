import { createHash } from "node:crypto";
import { BASE } from "../protocol/index.ts";
import { randomNumbers } from "../random.ts";
import type { Example } from "./examples.ts";
import { BUCKETS, FEATURES_VERSION, hash, vectoriseTurn } from "./features.ts";
import type { Head } from "./head.ts";
import { type LabelledVector, type LinearModel, roundWeights, trainLinear } from "./linear-model.ts";
import { fitMixture, type MixtureRow } from "./mixture.ts";
import { findPrototypes } from "./prototypes.ts";
import {
  type MeaningModel,
  meaningVector,
  partScores,
  placesOf,
  probabilitiesOf,
  type Reading,
  type Rule,
} from "./scores.ts";
import { chooseThresholds } from "./threshold.ts";
import type { Embeddings, Turn } from "./turn.ts";
import { mistype } from "./typos.ts";

export interface TrainHeadOptions {
  seed: number;
  /** Without: n-grams alone. */
  embeddings: Embeddings | null;
}

/** Changes whenever the same rows and options would give another head. */
const RECIPE = 2;
/** Step sizes of AdaGrad and pulls towards zero. */
const NGRAMS = { epochs: 8, rate: 0.3, l2: 1e-3 };
const MEANING = { epochs: 8, rate: 0.02, l2: 3e-3 };
/** Passes go on until so many rows were seen, so that twenty examples are learnt too, up to this many passes. */
const MIN_VISITS = 10_000;
const MAX_EPOCHS = 40;
/** Rows fall into this many folds, a conversation whole, by hash of their text. */
const FOLDS = 5;
/** Calibration wants this many unseen rows: one fold of a large set, all of a small one. */
const CALIBRATION_ROWS = 800;
/** A domain with few rows counts for more than its share, but not without bounds. */
const MAX_BALANCE = 4;
/** Centres of all domains together, and the bounds of one. */
const PROTOTYPES = { all: 400, least: 4, most: 30 };
/** Of the copies that n-grams also learn from: share of letters that go wrong, and how much a copy counts. */
const TYPOS = { rate: +(process.env.TR ?? 0.06), weight: +(process.env.TW ?? 0.5) };
/** Share of later turns that learn with a wrong last expert or none, so that one mistake does not bring the next. */
const EXPERT_NOISE = +(process.env.EN ?? 0.3);

/** In mid-conversation a mistake is soon mended, and leaving an expert is one as well: more likely inside than not will do. */
const EVEN = 0.5;

/**
 * What strangers ask that is outside is less like the outside rows at hand than what they ask inside is like the others:
 * thresholds found on such rows let too much pass. Words alone cannot afford to be as strict.
 */
const OUTSIDE_WEIGHT = { words: 2, all: 3 };

interface Row {
  turn: Turn;
  target: number;
  weight: number;
  fold: number;
}

/**
 * Trains a head. Labels may be any strings; null, like `base`, is the background. What adds up the parts and where the
 * thresholds lie is found on rows that the parts have not seen (a fifth by hash of the text, so that a row always falls
 * on the same side; all fifths where rows are few); the head itself then learns from all.
 * Time: about a second for 3,000 rows of n-grams, twice that with embeddings.
 */
export function trainHead(examples: readonly Example[], options: Partial<TrainHeadOptions> = {}): Head {
  const { seed = 1, embeddings = null } = options;
  const labels = labelsOf(examples);
  const rows = toRows(examples, labels, seed);
  const trainer = new PartsTrainer(labels.length, embeddings, seed);
  const parts = trainer.train(rows);
  const unseen = judgeUnseen(rows, trainer);
  return {
    version: headVersion(examples, { seed, hears: embeddings ? "meaning" : "words" }),
    labels,
    ...parts,
    byWords: readingOf(unseen, labels.length, 1),
    byAll: parts.meaning && readingOf(unseen, labels.length, 3),
  };
}

/** The version that a head over these rows has, without training it. */
export function headVersion(
  examples: readonly Example[],
  { seed = 1, hears = "words" }: { seed?: number; hears?: "words" | "meaning" } = {},
): string {
  const digest = createHash("sha256").update(JSON.stringify([RECIPE, FEATURES_VERSION, hears, seed]));
  for (const { text, before, weight = 1, ...example } of examples)
    digest.update(`\n${JSON.stringify([text, labelOf(example), weight, before ?? null])}`);
  return digest.digest("hex").slice(0, 12);
}

const labelOf = ({ label }: Pick<Example, "label">): string => label ?? BASE;

function labelsOf(examples: readonly Example[]): string[] {
  const domains = new Set(examples.map(labelOf));
  domains.delete(BASE);
  return [...[...domains].sort(), BASE];
}

/** Rows with class weights: the inverse square root of a class's share. */
function toRows(examples: readonly Example[], labels: readonly string[], seed: number): Row[] {
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
    weight: balance(labelOf(example)) * (example.weight ?? 1),
    fold: hash(example.before?.earlier[0] ?? example.text) % FOLDS,
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

/** Trains the parts of a head on any rows. */
class PartsTrainer {
  readonly #classes: number;
  readonly #embeddings: Embeddings | null;
  readonly #seed: number;
  /** Rows come back for calibration: their vectors are made once. */
  readonly #words = new Map<Row, LabelledVector[]>();

  constructor(classes: number, embeddings: Embeddings | null, seed: number) {
    this.#classes = classes;
    this.#embeddings = embeddings;
    this.#seed = seed;
  }

  train(rows: readonly Row[]): { ngrams: LinearModel; meaning: MeaningModel | null } {
    return { ngrams: this.#ngrams(rows), meaning: this.#embeddings && this.#meaning(rows, this.#embeddings) };
  }

  scores(parts: { ngrams: LinearModel; meaning: MeaningModel | null }, { turn }: Row) {
    return partScores(parts, turn, vectoriseTurn(turn), this.#embeddings ?? (() => undefined));
  }

  #ngrams(rows: readonly Row[]): LinearModel {
    const vectors = rows.flatMap((row) => {
      const known = this.#words.get(row) ?? this.#heardWords(row);
      this.#words.set(row, known);
      return known;
    });
    return roundWeights(trainLinear(vectors, { ...this.#options(NGRAMS, rows), size: BUCKETS }));
  }

  /** As it was written, and as hasty fingers might have written it. */
  #heardWords({ turn, target, weight }: Row): LabelledVector[] {
    const hasty = { ...turn, text: mistype(turn.text, TYPOS.rate, this.#seed + hash(turn.text)) };
    return [
      { turn, weight },
      { turn: hasty, weight: TYPOS.weight * weight },
    ].map((heard) => {
      const { buckets, values } = vectoriseTurn(heard.turn);
      return { vector: { buckets, values }, target, weight: heard.weight };
    });
  }

  #meaning(rows: readonly Row[], embeddings: Embeddings): MeaningModel | null {
    const mean = meanOf(rows, embeddings);
    if (!mean) return null;
    const withBefore = rows.some(({ turn }) => turn.before);
    const placed = rows.flatMap((row) => {
      const places = placesOf(row.turn, mean, embeddings);
      return places ? [{ ...row, places }] : [];
    });
    const vectors = placed.map(({ turn, places, target, weight }) => ({
      vector: meaningVector(turn, places, mean, embeddings, withBefore),
      target,
      weight,
    }));
    const size = withBefore ? 3 * mean.length : mean.length;
    const { all, least, most } = PROTOTYPES;
    const perClass = Math.max(least, Math.min(most, Math.round(all / this.#classes)));
    return {
      mean,
      linear: trainLinear(vectors, { ...this.#options(MEANING, rows), size }),
      prototypes: findPrototypes(
        placed.map(({ places, target }) => ({ embedding: places.end, target, weight: 1 })),
        { classes: this.#classes, dimensions: mean.length, perClass, seed: this.#seed },
      ),
    };
  }

  #options<T extends { epochs: number }>(options: T, rows: readonly Row[]) {
    const enough = Math.min(MAX_EPOCHS, Math.ceil(MIN_VISITS / Math.max(1, rows.length)));
    return { ...options, epochs: Math.max(options.epochs, enough), classes: this.#classes, seed: this.#seed };
  }
}

function meanOf(rows: readonly Row[], embeddings: Embeddings): Float32Array | null {
  let mean: Float32Array | null = null;
  let count = 0;
  for (const { turn } of rows) {
    const embedding = embeddings(turn.text);
    if (!embedding) continue;
    mean ??= new Float32Array(embedding.length);
    count++;
    for (let i = 0; i < mean.length; i++)
      mean[i] = (mean[i] as number) + ((embedding[i] as number) - (mean[i] as number)) / count;
  }
  return mean;
}

interface UnseenRow extends MixtureRow {
  turn: Turn;
}

function judgeUnseen(rows: readonly Row[], trainer: PartsTrainer): UnseenRow[] {
  const unseen: UnseenRow[] = [];
  for (let fold = 0; fold < FOLDS && unseen.length < CALIBRATION_ROWS; fold++) {
    const held = rows.filter((row) => row.fold === fold);
    const parts = trainer.train(rows.filter((row) => row.fold !== fold));
    for (const row of held)
      unseen.push({ parts: trainer.scores(parts, row), target: row.target, weight: 1, turn: row.turn });
  }
  return unseen;
}

/** @param count how many of the parts are read */
function readingOf(unseen: readonly UnseenRow[], classes: number, count: number): Reading {
  const rows = unseen.filter(({ parts }) => parts.length >= count);
  const later = rows.filter(({ turn }) => turn.before);
  return {
    first: ruleOf(
      rows.filter(({ turn }) => !turn.before),
      classes,
      count,
    ),
    later:
      later.length === 0
        ? null
        : { ...ruleOf(later, classes, count), thresholds: Array<number>(classes - 1).fill(EVEN) },
  };
}

function ruleOf(unseen: readonly UnseenRow[], classes: number, count: number): Rule {
  const rows = unseen.map((row) => ({ ...row, parts: row.parts.slice(0, count) }));
  const rule: Rule = { mixture: fitMixture(rows, count), thresholds: [] };
  const judged = rows.map(({ parts, target }) => ({ probabilities: probabilitiesOf(rule, parts), target }));
  return {
    ...rule,
    thresholds: chooseThresholds(judged, classes, count === 1 ? OUTSIDE_WEIGHT.words : OUTSIDE_WEIGHT.all),
  };
}
