import { randomNumbers } from "../../random.ts";

/** Bounds of a 95 % interval. */
export type Interval = [low: number, high: number];

const RESAMPLES = 2_000;

/**
 * Paired bootstrap (Efron & Tibshirani, 1993): rows are drawn anew with replacement, both sides of a comparison keeping
 * their rows together, and the statistic is taken of each draw. The same rows and seed give the same interval.
 * @param statistic of the rows whose indices are given, as many as there are
 * @returns its 2.5 and 97.5 percentiles; NaN where there is no row
 */
export function bootstrap95(rows: number, statistic: (indices: Uint32Array) => number, seed = 1): Interval {
  if (rows === 0) return [Number.NaN, Number.NaN];
  const next = randomNumbers(seed);
  const indices = new Uint32Array(rows);
  const draws = Float64Array.from({ length: RESAMPLES }, () => {
    for (let i = 0; i < rows; i++) indices[i] = Math.floor(next() * rows);
    return statistic(indices);
  }).sort();
  const at = (share: number) => draws[Math.min(RESAMPLES - 1, Math.floor(share * RESAMPLES))] ?? Number.NaN;
  return [at(0.025), at(0.975)];
}
