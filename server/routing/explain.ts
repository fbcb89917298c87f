import type { Decision } from "../protocol/index.ts";
import type { TracedVector } from "./features.ts";
import { isFunctionWord } from "./follow-up.ts";
import type { LinearModel } from "./linear-model.ts";

type Evidence = Decision["evidence"];

/** A turn with how much its words counted in the decision. */
export interface HeardTurn {
  traced: TracedVector;
  weight: number;
}

const MAX_PHRASES = 4;
/** A phrase that speaks with less than this share of the strongest one is not worth naming. */
const MIN_SHARE = 0.2;

/**
 * The words and word pairs that spoke most for one label against another. A word's weight is what its own feature and
 * its character n-grams add to the difference of the two calibrated scores.
 * @returns reason: the phrases in order of appearance, "" where nothing spoke for it; evidence: strongest first
 */
export function explain(
  model: LinearModel,
  turn: HeardTurn,
  chosen: number,
  against: number,
): { reason: string; evidence: Evidence } {
  const phrases = phrasesOf(model, turn, chosen, against);
  const spoken = phrases.filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  const withSubject = spoken.filter(({ empty }) => !empty);
  const picked: Phrase[] = [];
  for (const phrase of withSubject.length > 0 ? withSubject : spoken) {
    const tooWeak = phrase.weight < MIN_SHARE * (picked[0]?.weight ?? 0);
    if (picked.length === MAX_PHRASES || tooWeak) break;
    if (!picked.some((other) => overlap(phrase, other))) picked.push(phrase);
  }
  const inOrder = picked.toSorted((a, b) => a.word - b.word);
  return {
    reason: inOrder.map(({ text }) => text).join(", "),
    evidence: picked.map(({ text, weight }) => ({ feature: text, weight: Math.round(weight * 1000) / 1000 })),
  };
}

interface Phrase {
  text: string;
  weight: number;
  /** Its first word's place, and how many words it has. */
  word: number;
  span: 1 | 2;
  /** Made of function words only. */
  empty: boolean;
}

function overlap(a: Phrase, b: Phrase): boolean {
  const shares = a.text.split(" ").some((word) => b.text.split(" ").includes(word));
  return shares || (a.word < b.word + b.span && b.word < a.word + a.span);
}

function phrasesOf(model: LinearModel, turn: HeardTurn, chosen: number, against: number): Phrase[] {
  const { words } = turn.traced;
  const { single, pair } = contributions(model, turn, chosen, against);
  return words.flatMap(({ surface }, at) => {
    const own = single[at] ?? 0;
    const word: Phrase = { text: surface, weight: own, word: at, span: 1, empty: isFunctionWord(surface) };
    const next = words[at + 1];
    const [nextOwn, together] = [single[at + 1] ?? 0, pair[at] ?? 0];
    if (!next || word.empty || isFunctionWord(next.surface) || own <= 0 || nextOwn <= 0 || together <= 0)
      return [word];
    return [word, { ...word, text: `${surface} ${next.surface}`, weight: own + nextOwn + together, span: 2 }];
  });
}

/** What each word, and each word with the next, adds to score(chosen) - score(against). */
function contributions(model: LinearModel, { traced, weight }: HeardTurn, chosen: number, against: number) {
  const { classes, weights } = model;
  const single = new Float64Array(traced.words.length);
  const pair = new Float64Array(traced.words.length);
  for (const [i, places] of traced.places.entries()) {
    const row = (traced.buckets[i] ?? 0) * classes;
    const gap = (weights[row + chosen] ?? 0) - (weights[row + against] ?? 0);
    const share = (weight * gap * (traced.values[i] ?? 0)) / Math.max(1, places.length);
    for (const { word, span } of places) {
      const sums = span === 1 ? single : pair;
      sums[word] = (sums[word] ?? 0) + share;
    }
  }
  return { single, pair };
}
