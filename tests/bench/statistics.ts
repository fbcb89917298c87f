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
  const sorted = [...values].sort((a, b) => a - b);
  const median = medianOf(sorted);
  const met = better === "higher" ? median >= goal : median <= goal;
  return { median, low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN, goal, met };
}

function medianOf(sorted: number[]): number {
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
