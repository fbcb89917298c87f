import { hash, saidBy, wordsOf } from "./features.ts";
import { isContentless } from "./follow-up.ts";
import { type LinearModel, linearScores, type Vector } from "./linear-model.ts";
import { lastSentence, type Turn } from "./turn.ts";

/**
 * How likely a turn asks for something else than the one before it ("great, now I also need a hotel"), whatever that is:
 * the gate of a mixture of experts (Jacobs et al. 1991). Where it opens, the newest words decide; where it is shut, what
 * was said before and who answered it.
 */
export type Gate = LinearModel;

/** Length of its vectors. */
export const GATE_BUCKETS = 2 ** 14;
/** Of what the answer said last, beside the newest sentence's 1. */
const ANSWER_LOUDNESS = 0.5;
const SHAPE_LOUDNESS = 0.5;

/** Words and pairs of the last sentence, and of the question that the answer ended with; whether it names a subject. */
export function gateVector({ text, before }: Turn): Vector {
  const found = new Map<number, number>();
  const end = lastSentence(text);
  hear(found, "l", end, 1);
  hear(found, "a", lastSentence(before?.assistant ?? ""), ANSWER_LOUDNESS);
  const shape = [isContentless(wordsOf(text)) ? "empty" : "full", end === text.trim() ? "one" : "several"];
  for (const name of shape) found.set(hash(`s ${name}`) % GATE_BUCKETS, SHAPE_LOUDNESS);
  const entries = [...found].sort(([a], [b]) => a - b);
  return {
    buckets: Uint32Array.from(entries, ([bucket]) => bucket),
    values: Float32Array.from(entries, ([, value]) => value),
  };
}

function hear(found: Map<number, number>, who: string, text: string, loudness: number): void {
  const words = wordsOf(text);
  const value = loudness / Math.sqrt(Math.max(1, 2 * words.length - 1));
  for (const name of saidBy(who, words)) found.set(hash(name) % GATE_BUCKETS, value);
}

export function logOddsOfGoing(gate: Gate, turn: Turn): number {
  const [stays = 0, goes = 0] = linearScores(gate, gateVector(turn));
  return goes - stays;
}
