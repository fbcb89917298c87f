import type { Vector } from "./linear-model.ts";
import { lastSentence, type Turn } from "./turn.ts";

/**
 * Text as a sparse vector: words, word pairs and character n-grams, hashed into a fixed number of buckets
 * (Weinberger et al. 2009, "Feature hashing for large scale multitask learning"). Character n-grams within word
 * boundaries keep a typo or an unseen inflection close to the word that was meant (fastText, Bojanowski et al. 2017).
 */

/** Length of every vector. */
export const BUCKETS = 2 ** 16;
/** Changes whenever the same text gives another vector: heads of another version cannot be used. */
export const FEATURES_VERSION = 3;
/** A longer text counts with its beginning and its end: the question often stands below what was pasted. */
const HEAD_CHARS = 1500;
const TAIL_CHARS = 500;
/** Longer runs of letters are no words; their n-grams would drown the rest. */
const MAX_WORD_CHARS = 32;
const SHORTEST_GRAM = 3;
const LONGEST_GRAM = 5;

/** How loud each family of features is before the vector is normalised. */
const LOUDNESS = { word: 1, pair: 0.7, gram: 0.3 };
/** All that was said before together, and the last expert, beside the newest text's 1. */
const CONTEXT_LOUDNESS = 0.7;
const EXPERT_LOUDNESS = 0.5;
const END_LOUDNESS = 0.7;
/** How fast a feature that occurs again and again stops getting louder: BM25's k1 (Robertson and Zaragoza 2009). */
const SATURATION = 1.2;
/** A user turn counts this much of the one after it; those before the last three would add next to nothing. */
const DECAY = 0.6;
const MAX_EARLIER = 3;

export interface Word {
  /** As written, lower-cased. */
  surface: string;
  /** What it counts as: itself, or the class of a number or of a sign. */
  key: string;
}

/** A vector with the way back: for each entry, the words of the newest text that it came from. */
export interface TracedVector extends Vector {
  words: Word[];
  /** Per entry, each place in the text where the feature occurred: first word and how many words (1 or 2). */
  places: Place[][];
}

interface Place {
  word: number;
  span: 1 | 2;
}

/** The words of a text, in order. Any string is fine, of any length. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const [token] of normalise(text).matchAll(TOKEN)) words.push({ surface: token, key: keyOf(token) });
  return words;
}

/** Of a text alone: unit length, buckets ascending; no entries for a text without words. */
export function vectorise(text: string): Vector {
  const { buckets, values } = vectoriseTurn({ text, before: null });
  return { buckets, values };
}

/**
 * A turn: the newest text's features at unit length; the words of what was said before and the last expert, as features
 * of their own that are less loud.
 */
export function vectoriseTurn({ text, before }: Turn): TracedVector {
  const words = wordsOf(text);
  const found = new Map<number, Entry>();
  for (const [at, word] of words.entries()) {
    const next = words[at + 1];
    const place: Place = { word: at, span: 1 };
    add(found, bucketOf(`w ${word.key}`), LOUDNESS.word, place);
    if (next) add(found, bucketOf(`p ${word.key} ${next.key}`), LOUDNESS.pair, { word: at, span: 2 });
    for (const bucket of gramBuckets(word)) add(found, bucket, LOUDNESS.gram, place);
  }
  toUnitLength(found);
  const context = before ? [...contextOf(before), ...endOf(text)] : [];
  for (const [bucket, value] of context) {
    const entry = found.get(bucket);
    if (entry) entry.value += value;
    else found.set(bucket, { value, places: [] });
  }
  const buckets = Uint32Array.from(found.keys()).sort();
  const entries = Array.from(buckets, (bucket) => found.get(bucket) as Entry);
  return {
    buckets,
    values: Float32Array.from(entries, ({ value }) => value),
    words,
    places: entries.map(({ places }) => places),
  };
}

function toUnitLength(found: ReadonlyMap<number, Entry>): void {
  const entries = [...found.values()];
  for (const entry of entries) {
    const times = entry.places.length;
    entry.value *= (times * (SATURATION + 1)) / (times + SATURATION);
  }
  const length = Math.hypot(...entries.map(({ value }) => value)) || 1;
  for (const entry of entries) entry.value /= length;
}

function endOf(text: string): [number, number][] {
  const found = new Map<number, number>();
  hear(found, lastSentence(text), "l", 1);
  return scaled(found, END_LOUDNESS);
}

function scaled(found: ReadonlyMap<number, number>, loudness: number): [number, number][] {
  const length = Math.hypot(...found.values()) || 1;
  return [...found].map(([bucket, value]) => [bucket, (loudness * value) / length]);
}

/** Words and pairs, as features of whoever said them. */
function hear(found: Map<number, number>, text: string, who: string, weight: number): void {
  for (const name of saidBy(who, wordsOf(text))) {
    const bucket = bucketOf(name);
    found.set(bucket, Math.max(found.get(bucket) ?? 0, weight));
  }
}

/** Names of what somebody said: each word, and each with the next. */
export function* saidBy(who: string, words: readonly Word[]): Generator<string> {
  for (const [at, { key }] of words.entries()) {
    const next = words[at + 1];
    yield `${who} ${key}`;
    if (next) yield `${who} ${key} ${next.key}`;
  }
}

function contextOf({ earlier, assistant, expert }: NonNullable<Turn["before"]>): [number, number][] {
  const found = new Map<number, number>();
  hear(found, assistant, "a", 1);
  for (const [age, text] of earlier.slice(-MAX_EARLIER).reverse().entries())
    hear(found, text, "u", DECAY ** age);
  const words = scaled(found, CONTEXT_LOUDNESS);
  return expert === null ? words : [...words, [bucketOf(`e ${expert}`), EXPERT_LOUDNESS]];
}

interface Entry {
  /** Loudness at first. */
  value: number;
  places: Place[];
}

function add(found: Map<number, Entry>, bucket: number, loudness: number, place: Place): void {
  const entry = found.get(bucket);
  if (entry) entry.places.push(place);
  else found.set(bucket, { value: loudness, places: [place] });
}

/** Numbers with their currency, runs of letters (apostrophes inside), signs of arithmetic, emoji. */
const TOKEN =
  /[$€£¥]\s?\p{N}[\p{N}.,]*|\p{N}[\p{N}.,:]*(?:\s?%)?|[\p{L}\p{M}]+(?:'[\p{L}\p{M}]+)*|[+*/=^<>×÷√]+|\p{Extended_Pictographic}/gu;

function normalise(text: string): string {
  const cut =
    text.length <= HEAD_CHARS + TAIL_CHARS
      ? text
      : `${text.slice(0, HEAD_CHARS)}\n${text.slice(-TAIL_CHARS)}`;
  // NFKC can lengthen a text eighteenfold.
  const normal = cut.normalize("NFKC").slice(0, 2 * (HEAD_CHARS + TAIL_CHARS));
  return normal.toLowerCase().replaceAll(/[’‘`´]/g, "'");
}

/** Numbers become their class, so that two sums with other figures look alike. */
function keyOf(token: string): string {
  if (/^[$€£¥]/.test(token)) return "#money";
  if (/^\p{N}/u.test(token)) {
    if (token.endsWith("%")) return "#percent";
    return /^\p{N}{5,}$/u.test(token) ? "#code" : "#number";
  }
  return /^[+*/=^<>×÷√]/.test(token) ? "#sign" : token;
}

/** Those of `c ` and each character n-gram, shortest first; hashed in place, since a text has hundreds of them. */
function gramBuckets({ key }: Word): number[] {
  if (key.startsWith("#")) return [];
  const chars = ["_", ...Array.from(key).slice(0, MAX_WORD_CHARS), "_"];
  const text = chars.join("");
  // Where each character begins, and the end: some take two units.
  const starts = [0];
  for (const [at, char] of chars.entries()) starts.push((starts[at] as number) + char.length);
  const buckets: number[] = [];
  for (let length = SHORTEST_GRAM; length <= LONGEST_GRAM; length++)
    for (let from = 0; from + length <= chars.length; from++) {
      const state = absorb(GRAM_STATE, text, starts[from] as number, starts[from + length] as number);
      buckets.push(finish(state) % BUCKETS);
    }
  return buckets;
}

const bucketOf = (feature: string): number => hash(feature) % BUCKETS;

/** FNV-1a over UTF-16 units, with Murmur3's finaliser: FNV's low bits alone are weak. 32 bits, unsigned. */
export const hash = (text: string): number => finish(absorb(START_STATE, text, 0, text.length));

function absorb(state: number, text: string, from: number, to: number): number {
  let h = state;
  for (let i = from; i < to; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}

function finish(state: number): number {
  let h = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const START_STATE = 0x811c9dc5;
const GRAM_STATE = absorb(START_STATE, "c ", 0, 2);
