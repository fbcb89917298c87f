import type { TracedVector } from "./features.ts";
import { type LinearModel, linearScores, softmax, type Vector } from "./linear-model.ts";
import { type Mixture, mix, type PartScores } from "./mixture.ts";
import { densityScores, type Prototypes, unit } from "./prototypes.ts";
import { type Embeddings, lastSentence, meaningBefore, type Turn } from "./turn.ts";

/** The part of a head that needs embeddings. */
export interface MeaningModel {
  /** The mean embedding, which says what all texts have in common, and is taken off. */
  mean: Float32Array;
  /** Over the newest text's embedding and, where it learnt conversations, what was asked before. */
  linear: LinearModel;
  prototypes: Prototypes;
}

/** How loud the embedding is: AdaGrad's first steps are of the same size whatever the feature. */
const LOUDNESS = 8;

/** An embedding without the mean, at unit length; null where there is none. */
function placeOf(text: string, mean: Float32Array, embeddings: Embeddings): Float32Array | null {
  const embedding = embeddings(text);
  if (embedding?.length !== mean.length) return null;
  return unit(embedding.map((value, i) => value - (mean[i] as number)));
}

/** Where a turn lies: its text, and where it goes on a conversation its last sentence. */
export interface Places {
  text: Float32Array;
  end: Float32Array;
}

export function placesOf({ text, before }: Turn, mean: Float32Array, embeddings: Embeddings): Places | null {
  const place = placeOf(text, mean, embeddings);
  return place && { text: place, end: (before && placeOf(lastSentence(text), mean, embeddings)) ?? place };
}

/** @param withBefore whether what was asked before and the last sentence are part of it: three times as long */
export function meaningVector(
  turn: Turn,
  { text, end }: Places,
  mean: Float32Array,
  embeddings: Embeddings,
  withBefore: boolean,
): Vector {
  const { length } = text;
  const values = new Float32Array(withBefore ? 3 * length : length);
  values.set(text);
  if (withBefore && turn.before) {
    values.set(end, length);
    meaningBefore(turn, embeddings, length).forEach((value, i) => {
      values[2 * length + i] = value - (mean[i] as number);
    });
  }
  return { buckets: indices(values.length), values: values.map((value) => LOUDNESS * value) };
}

let known = new Uint32Array();
function indices(length: number): Uint32Array {
  if (known.length !== length) known = Uint32Array.from({ length }, (_, i) => i);
  return known;
}

/** What each part says of a turn; in mid-conversation the meaning also of its last sentence for itself. */
export interface Heard {
  words: PartScores;
  /** Empty where there is no embedding. */
  meaning: PartScores;
}

export function hear(
  { ngrams, meaning }: { ngrams: LinearModel; meaning: MeaningModel | null },
  turn: Turn,
  traced: TracedVector,
  embeddings: Embeddings,
): Heard {
  const words = [linearScores(ngrams, traced)];
  const places = meaning && placesOf(turn, meaning.mean, embeddings);
  if (!places) return { words, meaning: [] };
  const { linear, mean, prototypes } = meaning;
  const withBefore = linear.weights.length > mean.length * linear.classes;
  const scoresOf = (some: Turn, at: Places) =>
    linearScores(linear, meaningVector(some, at, mean, embeddings, withBefore));
  const scores = [scoresOf(turn, places), densityScores(prototypes, places.end)];
  if (turn.before) scores.push(scoresOf({ ...turn, before: null }, { text: places.end, end: places.end }));
  return { words, meaning: scores };
}

/** How many parts there are to add up. */
export const PARTS = { first: { words: 1, all: 3 }, later: { words: 1, all: 4 } } as const;

/** How a head reads the parts' scores of some kind of turn. */
export interface Rule {
  mixture: Mixture;
  /** Of each domain: how sure it has to be that a turn is not the background's. */
  thresholds: number[];
}

export interface Reading {
  /** For a turn with nothing before it. */
  first: Rule;
  /** For one in mid-conversation; null where the head has not learnt from conversations. */
  later: Rule | null;
}

export const probabilitiesOf = ({ mixture }: Rule, parts: PartScores): Float64Array =>
  softmax(mix(mixture, parts));
