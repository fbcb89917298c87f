/** What the router hears of a user turn. */
export interface Turn {
  text: string;
  /** null for the first turn of a conversation, or where nothing before it is known. */
  before: Before | null;
}

export interface Before {
  /** User turns, oldest first. */
  earlier: readonly string[];
  /** The last answer; "" where it is not known. */
  assistant: string;
  /** Who gave it: a domain or `base`; null where it is not known. */
  expert: string | null;
}

/** A user turn with the domain it belongs to; null: outside every domain, the base model's. */
export interface Example {
  text: string;
  label: string | null;
  /** What was said before, in rows of conversations. */
  before?: Before;
  /** What was answered; absent where nobody answered it. */
  answer?: string;
  /** Rows of one group are held out together when a head is calibrated; the text where absent. */
  group?: string;
  /** How much it counts in training; 1 when absent. */
  weight?: number;
  /**
   * For what has to hold for this very text and those near it, as a correction has: it is a prototype of its own, of as
   * much weight, and scales and thresholds are found without it, since what people correct is no sample of what they say.
   */
  ownPlace?: number;
}

/** An embedding of unit length for a text, or undefined where there is none. */
export type Embeddings = (text: string) => Float32Array | undefined;

/** Earlier user turns whose meaning counts, and how much one counts of the one after it. */
const MAX_EARLIER = 2;
const DECAY = 0.6;

const SENTENCE_ENDS = [".", "!", "?", "\n"];
const SAYS_NOTHING = /[.!?\s]/;

/**
 * In "thanks, that works. now a hotel please" the last sentence says where it goes. It is looked for from the end: a
 * pattern that may begin anywhere takes the square of a long text's time, and more where there are runs of spaces.
 */
export function lastSentence(text: string): string {
  let end = text.length;
  while (end > 0 && SAYS_NOTHING.test(text.charAt(end - 1))) end--;
  if (end === 0) return text.trim();
  const before = Math.max(...SENTENCE_ENDS.map((mark) => text.lastIndexOf(mark, end - 1)));
  return text.slice(before + 1).trim();
}

/** The texts whose embeddings a decision needs. */
export const textsToEmbed = ({ text, before }: Turn): string[] =>
  before ? [text, lastSentence(text), ...before.earlier.slice(-MAX_EARLIER)] : [text];

/** What was asked before, as one vector of at most unit length; all zeros where nothing was. */
export function meaningBefore({ before }: Turn, embeddings: Embeddings, dimensions: number): Float32Array {
  const sum = new Float32Array(dimensions);
  let total = 0;
  for (const [age, text] of (before?.earlier.slice(-MAX_EARLIER) ?? []).reverse().entries()) {
    const weight = DECAY ** age;
    total += weight;
    embeddings(text)?.forEach((value, i) => {
      sum[i] = (sum[i] as number) + weight * value;
    });
  }
  return total === 0 ? sum : sum.map((value) => value / total);
}
