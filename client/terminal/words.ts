import { distance } from "fastest-levenshtein";

export interface Word {
  /** In lower case, without accents. */
  folded: string;
  /** Where it stands in the text. */
  start: number;
  end: number;
}

export const wordsOf = (text: string): Word[] =>
  [...text.matchAll(/[\p{L}\p{N}\p{M}]+/gu)].map(({ 0: word, index }) => ({
    folded: fold(word),
    start: index,
    end: index + word.length,
  }));

export const fold = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Whether one may be the other mistyped: two letters exchanged are two mistakes, and short words have none. */
export const isMistyped = (one: string, other: string): boolean =>
  distance(one, other) <= (one.length < 4 ? 0 : one.length < 5 ? 1 : 2);

/** The one that was probably meant; null where none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  const folded = fold(name);
  const byDistance = known.map((each) => ({ each, mistakes: distance(folded, fold(each)) }));
  const [best] = byDistance.toSorted((one, other) => one.mistakes - other.mistakes);
  return best && best.mistakes <= Math.max(2, best.each.length / 3) ? best.each : null;
}
