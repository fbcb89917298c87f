import { createHash } from "node:crypto";
import { type Conversation, questionsOf } from "./dataset.ts";
import { nearPairs } from "./near-duplicates.ts";

/** Of all rows, and no more than so many: beyond that a held-out loss hardly gets surer. */
const HELD_OUT_SHARE = 0.2;
const MOST_HELD_OUT = 400;

export interface Split {
  train: Conversation[];
  heldOut: Conversation[];
}

/**
 * Splits rows by chance, the same way each time: by the hash of what is asked first. Rows that are nearly the same or
 * ask the same stay on one side, so that nothing held out was nearly trained on.
 */
export function splitRows(rows: readonly Conversation[]): Split {
  const clusters = clustersOf(rows).sort((a, b) => (draw(a) < draw(b) ? -1 : 1));
  const wanted = Math.min(MOST_HELD_OUT, Math.round(rows.length * HELD_OUT_SHARE));
  const held = new Set<string>();
  for (const cluster of clusters)
    if (held.size + cluster.length <= wanted) for (const { id } of cluster) held.add(id);
  return {
    train: rows.filter(({ id }) => !held.has(id)),
    heldOut: rows.filter(({ id }) => held.has(id)),
  };
}

function clustersOf(rows: readonly Conversation[]): Conversation[][] {
  const clusters = new Map(rows.map((row) => [row.id, [row]]));
  const join = (id: string, of: string) => {
    const [one, other] = [clusters.get(id), clusters.get(of)];
    if (!one || !other || one === other) return;
    other.push(...one);
    for (const row of one) clusters.set(row.id, other);
  };
  for (const [id, of] of nearPairs(rows)) join(id, of);
  for (const [id, of] of sameQuestions(rows)) join(id, of);
  return [...new Set(clusters.values())];
}

/** Each row that asks what one before it asked, with that one. */
function sameQuestions(rows: readonly Conversation[]): [id: string, of: string][] {
  const first = new Map<string, string>();
  return rows.flatMap((row): [string, string][] => {
    const before = first.get(questionsOf(row));
    if (before !== undefined) return [[row.id, before]];
    first.set(questionsOf(row), row.id);
    return [];
  });
}

const draw = ([first]: Conversation[]): string =>
  createHash("sha256")
    .update(first?.messages[0]?.content ?? "")
    .digest("hex");
