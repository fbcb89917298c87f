/** A sequence that nobody uses at the moment, and what it still holds of an earlier conversation. */
export interface Holding {
  /** Tokens that it shares with the new prompt, from the start. */
  shared: number;
  /** Tokens that it holds in all. */
  held: number;
  /** ms since it was last used. */
  idleMs: number;
  /** Whether a sequence right beside it is in use. */
  besideRunning: boolean;
}

/** After so long it is half as likely that the conversation goes on, in ms. */
const HALF_LIFE_MS = 3 * 60_000;
/**
 * What it is worth to decode in one batch with others, in ms. llama.cpp cuts a batch wherever a sequence is not the one
 * after the last: on two cores each cut costs some 4 ms a token, and an answer has 80 tokens.
 */
const BESIDE_MS = 320;

/**
 * The sequence that saves the most prompt tokens for the least that is lost: what it shares with the new prompt (or the
 * adapter's warm prompt, which any sequence can be given, if that is longer) less what is dropped of the conversation
 * that it held, which is worth less the longer it lies idle; where that makes little difference, one beside those in use.
 * Returns its index, -1 where there is none.
 * @param warmTokens tokens of the new prompt that are kept as a warm state
 * @param msPerToken what it takes to read a token of a prompt, in ms
 */
export function chooseSequence(free: readonly Holding[], warmTokens: number, msPerToken: number): number {
  let best = -1;
  let bestWorth = Number.NEGATIVE_INFINITY;
  free.forEach(({ shared, held, idleMs, besideRunning }, index) => {
    const dropped = held - Math.min(shared, held);
    const saved = Math.max(shared, warmTokens) + (besideRunning ? BESIDE_MS / msPerToken : 0);
    const worth = saved - dropped * 0.5 ** (idleMs / HALF_LIFE_MS);
    if (worth > bestWorth) [best, bestWorth] = [index, worth];
  });
  return best;
}
