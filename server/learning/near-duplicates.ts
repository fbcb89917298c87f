import type { Conversation } from "./dataset.ts";
import { ngrams } from "./ngrams.ts";

/** Conversations are near-duplicates above this Jaccard similarity of their word 3-grams. */
const NEAR = 0.5;
const N = 3;

export interface NearDuplicate {
  id: string;
  /** The row before it that it is like. */
  of: string;
  /** Jaccard similarity: shared 3-grams over all 3-grams of both, from 0 to 1. */
  similarity: number;
}

/** Every row that says nearly the same as one before it, with the one that it is most like. */
export function nearDuplicates(rows: readonly Conversation[]): NearDuplicate[] {
  const grams = rows.map(gramsOf);
  // Which rows so far have a 3-gram: only those that share one are compared at all.
  const holders = new Map<string, number[]>();
  return rows.flatMap((row, index) => {
    const own = grams[index] ?? new Set();
    const shared = new Map<number, number>();
    for (const gram of own) {
      const before = holders.get(gram) ?? [];
      for (const other of before) shared.set(other, (shared.get(other) ?? 0) + 1);
      before.push(index);
      holders.set(gram, before);
    }
    let most: NearDuplicate | null = null;
    for (const [other, count] of shared) {
      const similarity = count / (own.size + (grams[other]?.size ?? 0) - count);
      if (similarity > Math.max(NEAR, most?.similarity ?? 0))
        most = { id: row.id, of: rows[other]?.id ?? "", similarity };
    }
    return most ? [most] : [];
  });
}

function gramsOf({ messages }: Conversation): Set<string> {
  const text = messages.map(({ content }) => content).join(" ");
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  if (words.length < N) return new Set([words.join(" ")]);
  return new Set(ngrams(words, N));
}
