/**
 * Puts right what hasty fingers wrote, before anything is heard in it: an unknown word that is one slip away from words
 * that were learnt (a letter left out, added, changed, or swapped with the next; Damerau 1964) becomes the most frequent
 * of them. Ninety-odd per cent of slips are single ones.
 */

/** Words that are no slips, each with how often the examples have it; 0 for one that is merely known to exist. */
export type Vocabulary = ReadonlyMap<string, number>;

/** Words seen less often may be slips themselves. */
const MIN_SEEN = 2;
/** Shorter words are one slip away from too many others. */
const MIN_LETTERS = 4;
/** Nothing that long is a word; its neighbours would take long to look through. */
const MAX_LETTERS = 24;
/** A text with more unknown words than this was written in another language, or pasted. */
const MAX_UNKNOWN = 12;

const WORD = /[\p{L}\p{M}']+/gu;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz";

/**
 * @param known words of the language: without them a new word ("diner") would pass for a slip of one that was learnt
 * ("dinner")
 */
export function vocabularyOf(texts: Iterable<string>, known: readonly string[]): Vocabulary {
  const seen = new Map(known.map((word) => [word, 0]));
  for (const text of texts)
    for (const [word] of text.toLowerCase().matchAll(WORD)) seen.set(word, (seen.get(word) ?? 0) + 1);
  return seen;
}

/** The text with each slip put right that is surely one; all else stays as it is. */
export function spell(text: string, vocabulary: Vocabulary): string {
  let unknown = 0;
  const spelt = text.replace(WORD, (written) => {
    const word = written.toLowerCase();
    if (word.length < MIN_LETTERS || word.length > MAX_LETTERS || vocabulary.has(word)) return written;
    return ++unknown > MAX_UNKNOWN ? written : (nearest(word, vocabulary) ?? written);
  });
  return unknown > MAX_UNKNOWN ? text : spelt;
}

function nearest(word: string, vocabulary: Vocabulary): string | null {
  let best: string | null = null;
  let seen = MIN_SEEN - 1;
  for (const other of oneSlipAway(word)) {
    const times = vocabulary.get(other) ?? 0;
    if (times > seen) [best, seen] = [other, times];
  }
  return best;
}

function* oneSlipAway(word: string): Generator<string> {
  for (let at = 0; at <= word.length; at++) {
    const [before, letter, after] = [word.slice(0, at), word[at], word.slice(at + 1)];
    for (const added of ALPHABET) yield before + added + word.slice(at);
    if (letter === undefined) continue;
    yield before + after;
    if (after) yield before + after[0] + letter + after.slice(1);
    for (const changed of ALPHABET) yield before + changed + after;
  }
}
