import { type TracedVector, vectorise } from "./features.ts";
import { type Gate, logOddsOfGoing } from "./gate.ts";
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

/** What each part says of a turn; in mid-conversation also of its last sentence for itself. */
export interface Heard {
  words: PartScores;
  /** Empty where there is no embedding. */
  meaning: PartScores;
  /** null for a turn with nothing before it. */
  going: Going | null;
}

/** Of a turn in mid-conversation. */
export interface Going {
  /** Index of the last expert's label; -1 where it is not known. */
  expert: number;
  /** Log odds that the turn asks for something else, by how it is said. */
  bySound: number;
}

export interface Hearers {
  labels: readonly string[];
  ngrams: LinearModel;
  meaning: MeaningModel | null;
  gate: Gate | null;
}

export function hear(
  { labels, ngrams, meaning, gate }: Hearers,
  turn: Turn,
  traced: TracedVector,
  embeddings: Embeddings,
): Heard {
  const { before } = turn;
  const words = [linearScores(ngrams, traced)];
  if (before) words.push(linearScores(ngrams, vectorise(lastSentence(turn.text))));
  const going = before && {
    expert: before.expert === null ? -1 : labels.indexOf(before.expert),
    bySound: gate ? logOddsOfGoing(gate, turn) : 0,
  };
  const places = meaning && placesOf(turn, meaning.mean, embeddings);
  if (!places) return { words, meaning: [], going };
  const { linear, mean, prototypes } = meaning;
  const withBefore = linear.weights.length > mean.length * linear.classes;
  const scoresOf = (some: Turn, at: Places) =>
    linearScores(linear, meaningVector(some, at, mean, embeddings, withBefore));
  const scores = [scoresOf(turn, places), densityScores(prototypes, places.end)];
  if (before) scores.push(scoresOf({ ...turn, before: null }, { text: places.end, end: places.end }));
  return { words, meaning: scores, going };
}

/** How many opinions there are. */
export const PARTS = { first: { words: 1, all: 3 }, later: { words: 2, all: 5 } } as const;

/** How many {@link gatedParts} and {@link leavingParts} so many opinions make. */
export const gatedCount = (opinions: number): number => 2 * opinions + 2;
export const leavingCount = (opinions: number): number => opinions + 1;

/** How a head reads the parts' scores of some kind of turn. */
export interface Rule {
  mixture: Mixture;
  /** Of each domain: how sure it has to be that a turn is not the background's. */
  thresholds: number[];
}

/** In mid-conversation the opinions count by how likely the turn leaves the last expert. */
export interface LaterRule extends Rule {
  /** Adds up what speaks for leaving: how the turn is said, and by how much each opinion sees another label ahead. */
  leaving: Mixture;
}

export interface Reading {
  /** For a turn with nothing before it. */
  first: Rule;
  /** For one in mid-conversation; null where the head has not learnt from conversations. */
  later: LaterRule | null;
}

/** What speaks for leaving the last expert, each as scores for staying and for leaving. */
export const leavingParts = (opinions: PartScores, { expert, bySound }: Going): PartScores =>
  [bySound, ...opinions.map((scores) => (expert < 0 ? 0 : lead(scores, expert)))].map((odds) =>
    Float64Array.of(0, odds),
  );

function lead(scores: Float64Array, expert: number): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const [at, score] of scores.entries()) if (at !== expert && score > best) best = score;
  return best - (scores[expert] ?? 0);
}

/**
 * Each opinion twice, as far as the turn leaves the last expert and as far as it stays; who that was, as far as it stays,
 * and who not, as far as it leaves.
 */
export function gatedParts(opinions: PartScores, { expert }: Going, leaves: number): PartScores {
  const classes = opinions[0]?.length ?? 0;
  const who = Float64Array.from({ length: classes }, (_, at) => (at === expert ? 1 - leaves : 0));
  const others = Float64Array.from({ length: classes }, (_, at) =>
    expert >= 0 && at !== expert ? leaves : 0,
  );
  return [
    ...opinions.flatMap((scores) => [scores.map((s) => leaves * s), scores.map((s) => (1 - leaves) * s)]),
    who,
    others,
  ];
}

/** From 0 to 1. */
export const leavesBy = (leaving: Mixture, opinions: PartScores, going: Going): number =>
  softmax(mix(leaving, leavingParts(opinions, going)))[1] ?? 0;

/** @param parts opinions, in mid-conversation {@link gatedParts} of them */
export const probabilitiesOf = ({ mixture }: Pick<Rule, "mixture">, parts: PartScores): Float64Array =>
  softmax(mix(mixture, parts));
