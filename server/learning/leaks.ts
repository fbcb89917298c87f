import type { Placed } from "../json-lines.ts";
import { type Conversation, placeOf, plain, questionsOf, type SingleTurn } from "./dataset.ts";
import { gramsOf, NearIndex, wholeText } from "./near-duplicates.ts";

/* What was trained on, or nearly, says little about new questions. Each finding is a sentence. */

type Rows = readonly Placed<Conversation>[];
type Turns = readonly Placed<SingleTurn>[];

/** Conversations to train on that ask the same as a held-out one, or say nearly the same. */
export function leaks(train: Rows, heldOut: Rows): string[] {
  const asked = new Map(heldOut.map((row) => [questionsOf(row), row]));
  const index = new NearIndex<Placed<Conversation>>();
  for (const row of heldOut) index.add(row, gramsOf(wholeText(row)));
  return train.flatMap((row) => {
    const twin = asked.get(questionsOf(row));
    if (twin) return [`${placeOf(row)} asks the same as ${placeOf(twin)}, which is held out.`];
    const near = index.nearest(gramsOf(wholeText(row)));
    if (!near) return [];
    return [
      `${placeOf(row)} is nearly the same as ${placeOf(near.item)}, which is held out (similarity ${near.similarity.toFixed(2)}).`,
    ];
  });
}

/** Turns by themselves that a held-out conversation has too, or nearly: its label and its expert are learnt from there. */
export function turnLeaks(turns: Turns, heldOut: Rows): string[] {
  const index = new NearIndex<Placed<Conversation>>();
  for (const row of heldOut)
    for (const { role, content } of row.messages) if (role === "user") index.add(row, gramsOf(content));
  return turns.flatMap(({ where, text }) => {
    const near = index.nearest(gramsOf(text));
    if (!near) return [];
    return [
      `${where} is nearly a turn of ${placeOf(near.item)}, which is held out (similarity ${near.similarity.toFixed(2)}).`,
    ];
  });
}

/** Turns that stand there twice, whatever their case and punctuation. */
export function repeatedTurns(turns: Turns): string[] {
  const first = new Map<string, string>();
  return turns.flatMap(({ where, text }) => {
    const before = first.get(plain(text));
    if (before !== undefined) return [`${where} repeats ${before}.`];
    first.set(plain(text), where);
    return [];
  });
}
