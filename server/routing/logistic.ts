import { randomNumbers } from "../random.ts";
import { BUCKETS, type SparseVector } from "./features.ts";

export interface LogisticRow {
  vector: SparseVector;
  /** Index of its class. */
  target: number;
  /** How much the row counts; 1 is a whole row. */
  weight: number;
}

export interface LogisticOptions {
  classes: number;
  epochs: number;
  /** AdaGrad's step size. */
  rate: number;
  /** Strength of the pull of every weight towards zero. */
  l2: number;
  seed: number;
}

/** Linear scores: `weights[bucket * classes + class]`, one bias a class. */
export interface LinearModel {
  classes: number;
  weights: Float32Array;
  bias: Float32Array;
}

/**
 * Multinomial logistic regression by stochastic gradient descent with AdaGrad (Duchi et al. 2011): rare features keep
 * large steps, frequent ones small. Equal rows, options and seed give equal weights, bit for bit.
 */
export function trainLogistic(rows: LogisticRow[], options: LogisticOptions): LinearModel {
  const model = zeroModel(options.classes);
  const squares = {
    weights: new Float32Array(model.weights.length).fill(START_SQUARE),
    bias: new Float32Array(options.classes).fill(START_SQUARE),
  };
  const random = randomNumbers(options.seed);
  const order = rows.slice();
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    shuffle(order, random);
    for (const row of order) learn(model, squares, row, options);
  }
  return model;
}

/** One step down the slope of one row's loss. */
function learn(
  model: LinearModel,
  squares: { weights: Float32Array; bias: Float32Array },
  { vector, target, weight }: LogisticRow,
  { classes, rate, l2 }: LogisticOptions,
): void {
  const probabilities = softmax(linearScores(model, vector));
  for (let c = 0; c < classes; c++) {
    const error = weight * ((probabilities[c] ?? 0) - (c === target ? 1 : 0));
    if (Math.abs(error) < NEGLIGIBLE) continue;
    descend(model.bias, squares.bias, c, error, rate);
    for (let i = 0; i < vector.buckets.length; i++) {
      const at = (vector.buckets[i] ?? 0) * classes + c;
      const slope = error * (vector.values[i] ?? 0) + l2 * (model.weights[at] ?? 0);
      descend(model.weights, squares.weights, at, slope, rate);
    }
  }
}

/** Errors this small are left out: with many classes most of them are. */
const NEGLIGIBLE = 1e-4;
/** Keeps the first steps from being huge. */
const START_SQUARE = 1e-3;

function descend(values: Float32Array, squares: Float32Array, at: number, slope: number, rate: number): void {
  const square = (squares[at] ?? 0) + slope * slope;
  squares[at] = square;
  values[at] = (values[at] ?? 0) - (rate * slope) / Math.sqrt(square);
}

export function zeroModel(classes: number): LinearModel {
  return { classes, weights: new Float32Array(BUCKETS * classes), bias: new Float32Array(classes) };
}

/** One score (logit) a class. */
export function linearScores(
  { classes, weights, bias }: LinearModel,
  { buckets, values }: SparseVector,
): Float64Array {
  const scores = Float64Array.from(bias);
  for (let i = 0; i < buckets.length; i++) {
    const base = (buckets[i] ?? 0) * classes;
    const value = values[i] ?? 0;
    for (let c = 0; c < classes; c++) scores[c] = (scores[c] ?? 0) + value * (weights[base + c] ?? 0);
  }
  return scores;
}

/** Scores to probabilities that sum to 1; a higher temperature makes them more alike. */
export function softmax(scores: Float64Array, temperature = 1): Float64Array {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp((score - highest) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

export interface ScoredRow {
  scores: Float64Array;
  target: number;
  weight: number;
}

/**
 * The temperature with the least log loss over rows the model has not seen (Guo et al. 2017, "On calibration of modern
 * neural networks"), searched by golden section on a log scale from 0.05 to 10; 1 without rows.
 */
export function fitTemperature(rows: ScoredRow[]): number {
  if (rows.length === 0) return 1;
  const loss = (logTemperature: number) => logLoss(rows, Math.exp(logTemperature));
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [Math.log(0.05), Math.log(10)];
  for (let step = 0; step < 40; step++) {
    const [left, right] = [high - golden * (high - low), low + golden * (high - low)];
    if (loss(left) < loss(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

function logLoss(rows: ScoredRow[], temperature: number): number {
  let loss = 0;
  for (const { scores, target, weight } of rows)
    loss -= weight * Math.log(Math.max(softmax(scores, temperature)[target] ?? 0, 1e-12));
  return loss;
}

function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [items[i], items[j]];
    if (a === undefined || b === undefined) continue;
    items[i] = b;
    items[j] = a;
  }
}
