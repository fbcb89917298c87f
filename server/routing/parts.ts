import { BUCKETS, hash, vectoriseTurn } from "./features.ts";
import { GATE_BUCKETS, type Gate, gateVector } from "./gate.ts";
import { type LabelledVector, type LinearModel, roundWeights, trainLinear } from "./linear-model.ts";
import { addPrototypes, findPrototypes } from "./prototypes.ts";
import { type Heard, hear, type MeaningModel, meaningVector, placesOf } from "./scores.ts";
import type { Embeddings, Turn } from "./turn.ts";
import { mistype } from "./typos.ts";

/** Step sizes of AdaGrad and pulls towards zero. */
const NGRAMS = { epochs: 8, rate: 0.3, l2: 1e-3 };
const GATE = { epochs: 8, rate: 0.3, l2: 1e-3 };
const MEANING = { epochs: 8, rate: 0.02, l2: 3e-3 };
/** Passes go on until so many rows were seen, so that twenty examples are learnt too, up to this many passes. */
const MIN_VISITS = 10_000;
const MAX_EPOCHS = 40;
/** Centres of all domains together, and the bounds of one. */
const PROTOTYPES = { all: 400, least: 4, most: 30 };
/** Of the copies that n-grams also learn from: share of letters that go wrong, and how much a copy counts. */
const TYPOS = { rate: 0.06, weight: 0.5 };

export interface TrainingRow {
  turn: Turn;
  /** Index of its class. */
  target: number;
  weight: number;
  /** Whether it asks for something else than the turn before; null where there is none. */
  goes: boolean | null;
  /** Rows of one fold are held out together. */
  fold: number;
  /** Weight as a prototype of its own; 0: it is one of those that prototypes are found among. */
  ownPlace: number;
}

/** What a head is made of, each part for itself. */
export interface Parts {
  ngrams: LinearModel;
  meaning: MeaningModel | null;
  /** null where it has not learnt from conversations. */
  gate: Gate | null;
}

/** Trains the parts of a head on any rows. */
export class PartsTrainer {
  readonly #labels: readonly string[];
  readonly #embeddings: Embeddings | null;
  readonly #seed: number;
  /** Rows come back for calibration: their vectors are made once. */
  readonly #words = new Map<TrainingRow, LabelledVector[]>();

  constructor(labels: readonly string[], embeddings: Embeddings | null, seed: number) {
    this.#labels = labels;
    this.#embeddings = embeddings;
    this.#seed = seed;
  }

  train(rows: readonly TrainingRow[]): Parts {
    return {
      ngrams: this.#ngrams(rows),
      meaning: this.#embeddings && this.#meaning(rows, this.#embeddings),
      gate: this.#gate(rows),
    };
  }

  hear(parts: Parts, { turn }: TrainingRow): Heard {
    return hear(
      { labels: this.#labels, ...parts },
      turn,
      vectoriseTurn(turn),
      this.#embeddings ?? (() => undefined),
    );
  }

  #ngrams(rows: readonly TrainingRow[]): LinearModel {
    const vectors = rows.flatMap((row) => {
      const known = this.#words.get(row) ?? this.#heardWords(row);
      this.#words.set(row, known);
      return known;
    });
    return roundWeights(trainLinear(vectors, { ...this.#options(NGRAMS, rows), size: BUCKETS }));
  }

  /** As it was written, and as hasty fingers might have written it. */
  #heardWords({ turn, target, weight }: TrainingRow): LabelledVector[] {
    const hasty = { ...turn, text: mistype(turn.text, TYPOS.rate, this.#seed + hash(turn.text)) };
    return [
      { turn, weight },
      { turn: hasty, weight: TYPOS.weight * weight },
    ].map((heard) => {
      const { buckets, values } = vectoriseTurn(heard.turn);
      return { vector: { buckets, values }, target, weight: heard.weight };
    });
  }

  #gate(rows: readonly TrainingRow[]): Gate | null {
    const vectors = rows.flatMap(({ turn, goes, weight }) =>
      goes === null ? [] : [{ vector: gateVector(turn), target: Number(goes), weight }],
    );
    if (vectors.length === 0) return null;
    return roundWeights(
      trainLinear(vectors, { ...this.#options(GATE, rows), classes: 2, size: GATE_BUCKETS }),
    );
  }

  #meaning(rows: readonly TrainingRow[], embeddings: Embeddings): MeaningModel | null {
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
    const perClass = Math.max(least, Math.min(most, Math.round(all / this.#labels.length)));
    return {
      mean,
      linear: trainLinear(vectors, { ...this.#options(MEANING, rows), size }),
      prototypes: addPrototypes(
        findPrototypes(
          placed
            .filter(({ ownPlace }) => ownPlace === 0)
            .map(({ places, target }) => ({ embedding: places.end, target, weight: 1 })),
          { classes: this.#labels.length, dimensions: mean.length, perClass, seed: this.#seed },
        ),
        placed
          .filter(({ ownPlace }) => ownPlace > 0)
          .map(({ places, target, ownPlace }) => ({ embedding: places.end, target, weight: ownPlace })),
      ),
    };
  }

  #options<T extends { epochs: number }>(options: T, rows: readonly TrainingRow[]) {
    const enough = Math.min(MAX_EPOCHS, Math.ceil(MIN_VISITS / Math.max(1, rows.length)));
    return {
      ...options,
      epochs: Math.max(options.epochs, enough),
      classes: this.#labels.length,
      seed: this.#seed,
    };
  }
}

function meanOf(rows: readonly TrainingRow[], embeddings: Embeddings): Float32Array | null {
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
