import { bootstrap95, type Interval } from "./bootstrap.ts";

/** How well labels were told apart. All figures are shares from 0 to 1. */
export interface Classification {
  accuracy: number;
  /** Means over the labels that occur in the gold rows, each label weighing alike. */
  macroPrecision: number;
  macroRecall: number;
  macroF1: number;
}

/** Rows with this gold label (first index) that were given that label (second). */
export function confusionMatrix(
  gold: readonly number[],
  predicted: readonly number[],
  labels: number,
): number[][] {
  const counts = Array.from({ length: labels }, () => new Array<number>(labels).fill(0));
  gold.forEach((label, row) => {
    const given = counts[label];
    const guess = predicted[row] ?? -1;
    if (given && guess >= 0) given[guess] = (given[guess] ?? 0) + 1;
  });
  return counts;
}

/** A label that is never given has a precision of 0, as in scikit-learn. NaN where there is no row. */
export function classification(gold: readonly number[], predicted: readonly number[]): Classification {
  const labels = [...new Set(gold)];
  const scores = labels.map((label) => {
    const hits = gold.filter((each, row) => each === label && predicted[row] === label).length;
    const given = predicted.filter((each) => each === label).length;
    const wanted = gold.filter((each) => each === label).length;
    const precision = given === 0 ? 0 : hits / given;
    const recall = hits / wanted;
    return { precision, recall, f1: hits === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
  });
  const macro = (of: (score: (typeof scores)[number]) => number) =>
    scores.reduce((sum, score) => sum + of(score), 0) / scores.length;
  return {
    accuracy: gold.filter((label, row) => predicted[row] === label).length / gold.length,
    macroPrecision: macro(({ precision }) => precision),
    macroRecall: macro(({ recall }) => recall),
    macroF1: macro(({ f1 }) => f1),
  };
}

/** How much the macro-F1 of one side is above that of the other, over the same rows. */
export function macroF1Gain(
  gold: readonly number[],
  { candidate, against }: { candidate: readonly number[]; against: readonly number[] },
): { value: number; ci95: Interval } {
  const gain = (rows: readonly number[]) => {
    const of = (labels: readonly number[]) => rows.map((row) => labels[row] ?? -1);
    const f1 = (predicted: readonly number[]) => classification(of(gold), of(predicted)).macroF1;
    return f1(candidate) - f1(against);
  };
  return {
    value: gain([...gold.keys()]),
    ci95: bootstrap95(gold.length, (indices) => gain([...indices])),
  };
}
