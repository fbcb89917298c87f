import { softmax } from "./linear-model.ts";

/** What the parts of a head say of one text: each a score for every class. */
export type PartScores = readonly Float64Array[];

export interface MixtureRow {
  parts: PartScores;
  target: number;
  weight: number;
}

/**
 * How the parts' scores are added up: one scale each, which also makes the sum's softmax a calibrated probability
 * (temperature scaling, Guo et al. 2017, with a temperature for each part), and what the background gets on top.
 */
export interface Mixture {
  scales: number[];
  background: number;
}

/** Newton steps; the loss is convex and settles in a few. */
const STEPS = 25;
/** Pull towards the starting scales, in rows: few held-out rows cannot move them far. */
const PRIOR_ROWS = 8;
const PRIOR_SCALE = 0.7;

export function mix({ scales, background }: Mixture, parts: PartScores): Float64Array {
  const mixed = new Float64Array(parts[0]?.length ?? 0);
  for (const [at, scores] of parts.entries()) {
    const scale = scales[at] ?? 0;
    for (let c = 0; c < mixed.length; c++) mixed[c] = (mixed[c] as number) + scale * (scores[c] as number);
  }
  const last = mixed.length - 1;
  mixed[last] = (mixed[last] ?? 0) + background;
  return mixed;
}

/** The mixture with the least log loss over rows that the parts have not seen; its last class is the background. */
export function fitMixture(rows: readonly MixtureRow[], parts: number): Mixture {
  let theta = [...Array<number>(parts).fill(PRIOR_SCALE), 0];
  for (let step = 0; step < STEPS; step++) {
    const { slope, curvature } = derivatives(rows, theta);
    const move = solve(curvature, slope);
    theta = theta.map((value, at) => {
      const moved = value - clamp(move[at] ?? 0, 0.5);
      // A part that speaks against the truth is left out, not turned round.
      return at < parts ? Math.max(0, moved) : moved;
    });
  }
  return { scales: theta.slice(0, parts), background: theta[parts] ?? 0 };
}

/** Of the log loss with its prior, with respect to the scales and the background's share. */
function derivatives(rows: readonly MixtureRow[], theta: number[]) {
  const size = theta.length;
  const mixture: Mixture = { scales: theta.slice(0, -1), background: theta[size - 1] ?? 0 };
  const slope = theta.map((value, at) => PRIOR_ROWS * (value - (at < size - 1 ? PRIOR_SCALE : 0)));
  const curvature = theta.map((_, at): number[] => theta.map((_, other) => (at === other ? PRIOR_ROWS : 0)));
  for (const { parts, target, weight } of rows) {
    const probabilities = softmax(mix(mixture, parts));
    const last = probabilities.length - 1;
    const feature = (at: number, c: number): number =>
      at < size - 1 ? (parts[at]?.[c] ?? 0) : c === last ? 1 : 0;
    const means = theta.map((_, at) => probabilities.reduce((sum, p, c) => sum + p * feature(at, c), 0));
    for (let at = 0; at < size; at++) {
      slope[at] = (slope[at] ?? 0) + weight * ((means[at] ?? 0) - feature(at, target));
      const row = curvature[at] ?? [];
      for (let other = 0; other < size; other++) {
        let joint = 0;
        for (let c = 0; c <= last; c++) joint += (probabilities[c] ?? 0) * feature(at, c) * feature(other, c);
        row[other] = (row[other] ?? 0) + weight * (joint - (means[at] ?? 0) * (means[other] ?? 0));
      }
    }
  }
  return { slope, curvature };
}

const clamp = (value: number, limit: number): number => Math.max(-limit, Math.min(limit, value));

/** Gaussian elimination; the matrix is positive definite by its prior. */
function solve(matrix: number[][], right: number[]): number[] {
  const rows = matrix.map((row, at) => [...row, right[at] ?? 0]);
  for (const [at, pivot] of rows.entries())
    for (const [other, row] of rows.entries()) {
      if (other === at) continue;
      const factor = (row[at] ?? 0) / (pivot[at] || 1);
      for (let c = at; c < row.length; c++) row[c] = (row[c] ?? 0) - factor * (pivot[c] ?? 0);
    }
  return rows.map((row, at) => (row.at(-1) ?? 0) / (row[at] || 1));
}
