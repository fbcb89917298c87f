import type { Conversation } from "./dataset.ts";
import { ngrams } from "./ngrams.ts";

/** Texts are near-duplicates above this Jaccard similarity of their word 3-grams. */
const NEAR = 0.5;
const N = 3;

/** Where words are written without spaces between them, each character counts as one. */
const UNSPACED = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"]
  .map((script) => `\\p{Script=${script}}`)
  .join("");
const WORD = new RegExp(`[${UNSPACED}]|(?:(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}'])+`, "gu");

export interface NearDuplicate {
  id: string;
  /** The row before it that it is like. */
  of: string;
  /** Jaccard similarity: shared 3-grams over all 3-grams of both, from 0 to 1. */
  similarity: number;
}

/** Every row that says nearly the same as one before it, with the one that it is most like. */
export function nearDuplicates(rows: readonly Conversation[]): NearDuplicate[] {
  const before = new NearIndex<Conversation>();
  return rows.flatMap((row) => {
    const grams = gramsOf(wholeText(row));
    const near = before.nearest(grams);
    before.add(row, grams);
    return near ? [{ id: row.id, of: near.item.id, similarity: near.similarity }] : [];
  });
}

/** Each row with every one before it that says nearly the same; one by one, for they can be as many as rows squared. */
export function* nearPairs(rows: readonly Conversation[]): Generator<[id: string, of: string]> {
  const before = new NearIndex<Conversation>();
  for (const row of rows) {
    const grams = gramsOf(wholeText(row));
    for (const { item } of before.near(grams)) yield [row.id, item.id];
    before.add(row, grams);
  }
}

export const wholeText = ({ messages }: Conversation): string =>
  messages.map(({ content }) => content).join(" ");

interface Near<T> {
  item: T;
  similarity: number;
}

/** Items by the 3-grams of their texts, to be asked which of them says nearly what another text says. */
export class NearIndex<T> {
  readonly #items: { item: T; size: number }[] = [];
  /** Which items have a 3-gram: only those that share one are compared at all. */
  readonly #holders = new Map<string, number[]>();

  add(item: T, grams: ReadonlySet<string>): void {
    for (const gram of grams) {
      const holders = this.#holders.get(gram);
      if (holders) holders.push(this.#items.length);
      else this.#holders.set(gram, [this.#items.length]);
    }
    this.#items.push({ item, size: grams.size });
  }

  /** The item that is most like a text of these 3-grams; null where none is near. */
  nearest(grams: ReadonlySet<string>): Near<T> | null {
    let most: Near<T> | null = null;
    for (const near of this.near(grams)) if (near.similarity > (most?.similarity ?? 0)) most = near;
    return most;
  }

  /** All that are near. */
  near(grams: ReadonlySet<string>): Near<T>[] {
    const shared = new Map<number, number>();
    for (const gram of grams)
      for (const holder of this.#holders.get(gram) ?? []) shared.set(holder, (shared.get(holder) ?? 0) + 1);
    return [...shared].flatMap(([holder, count]) => {
      const held = this.#items[holder];
      const similarity = held ? count / (grams.size + held.size - count) : 0;
      return held && similarity > NEAR ? [{ item: held.item, similarity }] : [];
    });
  }
}

export function gramsOf(text: string): Set<string> {
  const words = text.normalize("NFC").toLowerCase().match(WORD) ?? [];
  if (words.length < N) return new Set([words.join(" ")]);
  return new Set(ngrams(words, N));
}
