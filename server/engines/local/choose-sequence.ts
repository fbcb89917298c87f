/** A sequence that nobody uses at the moment, and what it still holds of an earlier conversation. */
export interface Holding {
  /** Tokens that it shares with the new prompt, from the start. */
  shared: number;
  /** Tokens that it holds in all. */
  held: number;
  /** ms since it was last used. */
  idleMs: number;
}

/** After so long it is half as likely that the conversation goes on, in ms. */
const HALF_LIFE_MS = 3 * 60_000;

/**
 * The sequence that saves the most prompt tokens for the least that is lost: what it shares with the new prompt (or the
 * adapter's warm prompt, which any sequence can be given, if that is longer) less what is dropped of the conversation
 * that it held, which is worth less the longer it lies idle. Returns its index, -1 where there is none.
 * @param warmTokens tokens of the new prompt that are kept as a warm state
 */
export function chooseSequence(free: readonly Holding[], warmTokens: number): number {
  let best = -1;
  let bestWorth = Number.NEGATIVE_INFINITY;
  free.forEach(({ shared, held, idleMs }, index) => {
    const dropped = held - Math.min(shared, held);
    const worth = Math.max(shared, warmTokens) - dropped * 0.5 ** (idleMs / HALF_LIFE_MS);
    if (worth > bestWorth) [best, bestWorth] = [index, worth];
  });
  return best;
}
