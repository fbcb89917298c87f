/** Repeats that count. */
export const REPEATS = 5;
/** llama.cpp's threads go on spinning for a while after a run; without a rest they take a core from the other side. */
const REST_MS = 1_000;

/** Enough between two short answers. */
const BREATH_MS = 250;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export const rest = (): Promise<void> => pause(REST_MS);
export const breathe = (): Promise<void> => pause(BREATH_MS);

export interface Sides<Ours, Theirs> {
  ours: (repeat: number) => Promise<Ours>;
  theirs: (repeat: number) => Promise<Theirs>;
}

export interface Pair<Ours, Theirs> {
  ours: Ours;
  theirs: Theirs;
}

/**
 * Runs both sides in turns, with a rest before each, alternating who goes first. The first pair (repeat 0) warms caches
 * and clocks up and does not count.
 * @param onPair tells people about each pair, the first one included
 */
export async function sideBySide<Ours, Theirs>(
  { ours, theirs }: Sides<Ours, Theirs>,
  onPair: (pair: Pair<Ours, Theirs>, label: string) => void,
): Promise<Pair<Ours, Theirs>[]> {
  const pairs: Pair<Ours, Theirs>[] = [];
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const runOurs = () => rest().then(() => ours(repeat));
    const runTheirs = () => rest().then(() => theirs(repeat));
    const pair =
      repeat % 2 === 0
        ? { ours: await runOurs(), theirs: await runTheirs() }
        : { theirs: await runTheirs(), ours: await runOurs() };
    onPair(pair, repeat === 0 ? "warm-up" : `${repeat} of ${REPEATS}`);
    if (repeat > 0) pairs.push(pair);
  }
  return pairs;
}
