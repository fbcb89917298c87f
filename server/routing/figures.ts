/* Figures of a classifier that may say "none of them". */

/** Area under the ROC curve by the Mann-Whitney statistic, ties half: how often an inside score beats an outside one. */
export function auroc(inside: readonly number[], outside: readonly number[]): number | null {
  if (inside.length === 0 || outside.length === 0) return null;
  const sorted = outside.toSorted((a, b) => a - b);
  const wins = inside.reduce(
    (sum, score) => sum + (countBelow(sorted, score) + countUpTo(sorted, score)) / 2,
    0,
  );
  return wins / (inside.length * outside.length);
}

const countBelow = (sorted: number[], score: number): number => bisect(sorted, (value) => value < score);
const countUpTo = (sorted: number[], score: number): number => bisect(sorted, (value) => value <= score);

/** How many of the first values pass a test that, once failed, fails for the rest. */
function bisect(sorted: number[], passes: (value: number) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(sorted[middle] ?? Number.NaN)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Share of outside rows accepted where 95% of inside rows are. */
export function falsePositivesAt95(inside: readonly number[], outside: readonly number[]): number | null {
  const threshold = inside.toSorted((a, b) => b - a)[Math.ceil(0.95 * inside.length) - 1];
  return threshold === undefined ? null : share(outside, (score) => score >= threshold);
}

const BINS = 15;

/** Expected calibration error: how far confidence and accuracy lie apart, in 15 bins of equal width. */
export function calibrationError(rows: readonly { confidence: number; right: boolean }[]): number {
  const gaps = new Float64Array(BINS);
  for (const { confidence, right } of rows) {
    const bin = Math.min(BINS - 1, Math.floor(confidence * BINS));
    gaps[bin] = (gaps[bin] ?? 0) + confidence - (right ? 1 : 0);
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / Math.max(1, rows.length);
}

/** null without rows. */
export function share<T>(rows: readonly T[], test: (row: T) => boolean): number | null {
  return rows.length === 0 ? null : rows.filter(test).length / rows.length;
}

/** Nearest rank; 0 without rows. */
export const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
