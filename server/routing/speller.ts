import { neighboursOf } from "./typos.ts";

/**
 * Puts right what hasty fingers wrote, before anything is heard in it: an unknown word that is one slip away from words
 * that were learnt (a letter left out, added, changed, or swapped with the next; Damerau 1964) becomes the likeliest of
 * them, a long one also from two slips away.
 */

/** Words that are no slips, each with how often the examples have it; 0 for one that is merely known to exist. */
export type Vocabulary = ReadonlyMap<string, number>;

/** Words seen less often may be slips themselves. */
const MIN_SEEN = 2;
/** Shorter words are one slip away from too many others. Of three letters they would cost 3 of 2,349 turns of dialogues. */
const MIN_LETTERS = 4;
/** In words from here on two slips are. */
const MANY_LETTERS = 7;
/**
 * How much likelier fingers leave a letter out, type one twice, swap two, or hit the next key than make any other slip. On
 * mistyped requests (CLINC 150, 5% of the letters) it halves the words that are put wrong.
 */
const LIKELIER = 20;
/** Nothing that long is a word; its neighbours would take long to look through. */
const MAX_LETTERS = 24;
/** A text with more unknown words than this was written in another language, or pasted. */
const MAX_UNKNOWN = 12;
/**
 * So was one with more unknown words than known ones, except that so few may all be slips. With 5% of the letters of 1,234
 * held-out turns mistyped, that costs 1% of the slips that were put right.
 */
const FEW_UNKNOWN = 2;

const WORD = /[\p{L}\p{M}']+/gu;

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
  if (vocabulary.size === 0 || isForeign(text, vocabulary)) return text;
  return text.replace(WORD, (written) => {
    const word = written.toLowerCase();
    if (!isUnknown(word, vocabulary)) return written;
    return nearest(word, vocabulary) ?? twice(word, vocabulary) ?? written;
  });
}

const isUnknown = (word: string, vocabulary: Vocabulary): boolean =>
  word.length >= MIN_LETTERS && word.length <= MAX_LETTERS && !vocabulary.has(word);

/** Before a word is looked up among its neighbours, which takes a thousand times as long as to count it. */
function isForeign(text: string, vocabulary: Vocabulary): boolean {
  let [known, unknown] = [0, 0];
  for (const [written] of text.matchAll(WORD)) {
    const word = written.toLowerCase();
    if (vocabulary.has(word)) known++;
    else if (isUnknown(word, vocabulary) && ++unknown > MAX_UNKNOWN) return true;
  }
  return unknown > FEW_UNKNOWN && unknown > known;
}

/**
 * The word that was most likely meant: of those one slip away the most frequent one, where a slip that fingers make counts
 * as much more as it is likelier (a noisy channel, Kernighan et al. 1990); of equals the first by its letters.
 */
function nearest(word: string, vocabulary: Vocabulary): string | null {
  const shortened = shortenedOf(vocabulary);
  let best: string | null = null;
  let most = 0;
  const consider = (other: string, isLikely: boolean) => {
    const times = timesOf(other, vocabulary);
    if (times < MIN_SEEN) return;
    const weight = isLikely ? LIKELIER * times : times;
    if (weight > most || (weight === most && best !== null && other < best)) [best, most] = [other, weight];
  };
  for (const longer of shortened.get(word) ?? []) consider(longer, true);
  for (const [at, shorter] of withoutEachLetter(word).entries()) {
    consider(shorter, word[at] === word[at + 1]);
    for (const other of shortened.get(shorter) ?? []) {
      const slip = slipBetween(word, other);
      if (slip) consider(other, slip === "likely");
    }
  }
  return best;
}

const timesOf = (word: string, vocabulary: Vocabulary): number => vocabulary.get(word) ?? 0;

/** The most frequent word that is two slips from a long one, the first of them a likely one. */
function twice(word: string, vocabulary: Vocabulary): string | null {
  if (word.length < MANY_LETTERS) return null;
  let best: string | null = null;
  for (const other of new Set(undone(word))) {
    const found = nearest(other, vocabulary);
    if (found !== null && (best === null || timesOf(found, vocabulary) > timesOf(best, vocabulary)))
      best = found;
  }
  return best;
}

/** The word without one likely slip, but for letters left out, of which there are too many. */
function* undone(word: string): Generator<string> {
  for (let at = 0; at < word.length; at++) {
    const [before, letter, after] = [word.slice(0, at), word.charAt(at), word.slice(at + 1)];
    if (after.startsWith(letter)) yield before + after;
    if (after !== "") yield before + after.charAt(0) + letter + after.slice(1);
    for (const key of neighboursOf(letter)) yield before + key + after;
  }
}

/** Of two words of the same length: neighbours that changed places, or one letter for another; a neighbouring key is likely. */
function slipBetween(meant: string, other: string): "likely" | "unlikely" | null {
  let at = 0;
  while (at < meant.length && meant[at] === other[at]) at++;
  if (meant.slice(at + 1) === other.slice(at + 1))
    return neighboursOf(meant.charAt(at)).includes(other.charAt(at)) ? "likely" : "unlikely";
  const isSwapped =
    meant[at] === other[at + 1] && meant[at + 1] === other[at] && meant.slice(at + 2) === other.slice(at + 2);
  return isSwapped ? "likely" : null;
}

const indices = new WeakMap<Vocabulary, ReadonlyMap<string, readonly string[]>>();

/**
 * Words that may be meant, by what is left of them without one of their letters (symmetric deletes, Garbe 2012): words
 * that are one slip apart have such a rest in common. Made once for each vocabulary, in some 15 ms for 6,000 words.
 */
function shortenedOf(vocabulary: Vocabulary): ReadonlyMap<string, readonly string[]> {
  const known = indices.get(vocabulary);
  if (known) return known;
  const shortened = new Map<string, string[]>();
  for (const [word, times] of vocabulary) {
    if (times < MIN_SEEN || word.length > MAX_LETTERS + 1) continue;
    for (const shorter of new Set(withoutEachLetter(word))) {
      const words = shortened.get(shorter);
      if (words) words.push(word);
      else shortened.set(shorter, [word]);
    }
  }
  indices.set(vocabulary, shortened);
  return shortened;
}

const withoutEachLetter = (word: string): string[] =>
  Array.from({ length: word.length }, (_, at) => word.slice(0, at) + word.slice(at + 1));
