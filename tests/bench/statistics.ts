/** One figure of the bench: the median of its repeats, their range, and the goal it is held against. */
export interface Figure {
  median: number;
  low: number;
  high: number;
  goal: number;
  met: boolean;
}

/** @param better whether a good value is at least or at most the goal */
export function figure(values: number[], goal: number, better: "higher" | "lower"): Figure {
  const median = medianOf(values);
  const met = better === "higher" ? median >= goal : median <= goal;
  return { median, low: Math.min(...values), high: Math.max(...values), goal, met };
}

export function medianOf(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** @param share from 0 to 1, such as 0.99 for the 99th percentile: the smallest value that so many do not exceed */
export function quantileOf(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const meanOf = (values: number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws indices below `count`, the one at rank r (from 1) with a probability proportional to 1 / r. */
export function zipf(count: number, random: () => number): () => number {
  const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return () => {
    let left = random() * total;
    const drawn = weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    return drawn === -1 ? count - 1 : drawn;
  };
}
