import { randomNumbers } from "../random.ts";

/** A vector's entries that are not zero: places ascending, each at most once. */
export interface Vector {
  buckets: Uint32Array;
  values: Float32Array;
}

/** Linear scores: `weights[place * classes + class]`, one bias a class. */
export interface LinearModel {
  classes: number;
  weights: Float32Array;
  bias: Float32Array;
}

export interface LabelledVector {
  vector: Vector;
  /** Index of its class. */
  target: number;
  /** How much the row counts; 1 is a whole row. */
  weight: number;
}

export interface TrainLinearOptions {
  classes: number;
  /** Length of the vectors. */
  size: number;
  epochs: number;
  /** AdaGrad's step size. */
  rate: number;
  /** Strength of the pull of every weight towards zero. */
  l2: number;
  seed: number;
}

/** Errors this small are left out: with many classes most of them are. */
const NEGLIGIBLE = 1e-3;
/** Keeps the first steps from being huge. */
const START_SQUARE = 1e-3;

/**
 * Multinomial logistic regression by stochastic gradient descent with AdaGrad (Duchi et al. 2011): rare features keep
 * large steps, frequent ones small. Equal rows, options and seed give equal weights, bit for bit.
 */
export function trainLinear(rows: readonly LabelledVector[], options: TrainLinearOptions): LinearModel {
  const { classes, size } = options;
  const model: LinearModel = {
    classes,
    weights: new Float32Array(size * classes),
    bias: new Float32Array(classes),
  };
  const squares = {
    weights: new Float32Array(size * classes).fill(START_SQUARE),
    bias: new Float32Array(classes).fill(START_SQUARE),
  };
  const random = randomNumbers(options.seed);
  const order = rows.slice();
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    shuffle(order, random);
    // A rate that falls to a tenth settles where a constant one keeps jumping.
    const rate = options.rate * (1 - (0.9 * epoch) / options.epochs);
    for (const row of order) learn(model, squares, row, rate, options.l2);
  }
  return model;
}

/** One step down the slope of one row's loss. */
function learn(
  model: LinearModel,
  squares: { weights: Float32Array; bias: Float32Array },
  { vector: { buckets, values }, target, weight }: LabelledVector,
  rate: number,
  l2: number,
): void {
  const { classes, weights, bias } = model;
  const errors = softmax(linearScores(model, { buckets, values }));
  errors[target] = (errors[target] ?? 0) - 1;
  for (let c = 0; c < classes; c++) {
    const error = weight * (errors[c] ?? 0);
    if (Math.abs(error) < NEGLIGIBLE) continue;
    descend(bias, squares.bias, c, error, rate);
    for (let i = 0; i < buckets.length; i++) {
      const at = (buckets[i] as number) * classes + c;
      descend(
        weights,
        squares.weights,
        at,
        error * (values[i] as number) + l2 * (weights[at] as number),
        rate,
      );
    }
  }
}

function descend(values: Float32Array, squares: Float32Array, at: number, slope: number, rate: number): void {
  const square = (squares[at] as number) + slope * slope;
  squares[at] = square;
  values[at] = (values[at] as number) - (rate * slope) / Math.sqrt(square);
}

/** Weights rounded to the upper halves of 32-bit floats (bfloat16), which is all that a head's file keeps of n-grams. */
export function roundWeights(model: LinearModel): LinearModel {
  const bits = new Uint32Array(model.weights.slice().buffer);
  for (let at = 0; at < bits.length; at++) bits[at] = ((bits[at] as number) + 0x8000) & 0xffff_0000;
  return { ...model, weights: new Float32Array(bits.buffer) };
}

/** One score (logit) a class. */
export function linearScores(
  { classes, weights, bias }: LinearModel,
  { buckets, values }: Vector,
): Float64Array {
  const scores = Float64Array.from(bias);
  for (let i = 0; i < buckets.length; i++) {
    const base = (buckets[i] as number) * classes;
    const value = values[i] as number;
    for (let c = 0; c < classes; c++)
      scores[c] = (scores[c] as number) + value * (weights[base + c] as number);
  }
  return scores;
}

/** Scores to probabilities that sum to 1. */
export function softmax(scores: Float64Array): Float64Array {
  let highest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > highest) highest = score;
  const powers = scores.map((score) => Math.exp(score - highest));
  let sum = 0;
  for (const power of powers) sum += power;
  return powers.map((power) => power / sum);
}

export function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
}
