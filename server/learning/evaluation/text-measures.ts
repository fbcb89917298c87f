import { ngrams } from "../ngrams.ts";

const wordsOf = (text: string): string[] =>
  text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’][\p{L}]+)*/gu) ?? [];

export const wordCount = (text: string): number => wordsOf(text).length;

/**
 * Share of a text's word 4-grams that it has said before (rep-4 in Welleck et al., 2020, arXiv 1908.04319); 0 where it
 * has none.
 */
export function repetition(text: string): number {
  const grams = ngrams(wordsOf(text), 4);
  return grams.length === 0 ? 0 : 1 - new Set(grams).size / grams.length;
}

/** Different word 2-grams over all of them, over several texts (Li et al., 2016, arXiv 1510.03055). */
export function distinct2(texts: readonly string[]): number {
  const grams = texts.flatMap((text) => ngrams(wordsOf(text), 2));
  return grams.length === 0 ? 0 : new Set(grams).size / grams.length;
}

/** Whether an answer asks its reader something. */
export const asksBack = (text: string): boolean => /[?？]/u.test(text);
