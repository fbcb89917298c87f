/**
 * Looks for texts that end an answer while it is written. What may be the beginning of one is held back until it is
 * known, so that no part of a stop sequence is ever seen.
 */
export class StopSequences {
  readonly #sequences: readonly string[];
  #held = "";

  /** @param sequences none of them empty */
  constructor(sequences: readonly string[]) {
    this.#sequences = sequences;
  }

  /** The next piece of the answer. Returns what can be shown, and whether the answer ends with it. */
  push(text: string): { text: string; ended: boolean } {
    if (this.#sequences.length === 0) return { text, ended: false };
    const whole = this.#held + text;
    const found = this.#sequences.map((sequence) => whole.indexOf(sequence)).filter((index) => index >= 0);
    if (found.length > 0) {
      this.#held = "";
      return { text: whole.slice(0, Math.min(...found)), ended: true };
    }
    const begun = Math.max(...this.#sequences.map((sequence) => beginningAtEnd(whole, sequence)));
    this.#held = whole.slice(whole.length - begun);
    return { text: whole.slice(0, whole.length - begun), ended: false };
  }

  /** What was held back, once nothing can come after it. */
  rest(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }
}

/** Characters at the end of the text that are the longest beginning of the sequence, but not all of it. */
function beginningAtEnd(text: string, sequence: string): number {
  for (let length = Math.min(sequence.length - 1, text.length); length > 0; length--)
    if (text.endsWith(sequence.slice(0, length))) return length;
  return 0;
}
