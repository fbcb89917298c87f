import { fitMixture, type MixtureRow } from "./mixture.ts";
import type { PartsTrainer, TrainingRow } from "./parts.ts";
import { probabilitiesOf, type Reading, type Rule } from "./scores.ts";
import { chooseThresholds } from "./threshold.ts";
import type { Turn } from "./turn.ts";

/** Folds that rows fall into. */
export const FOLDS = 5;
/** Calibration wants this many unseen rows: one fold of a large set, all of a small one. */
const CALIBRATION_ROWS = 800;
/** In mid-conversation a mistake is soon mended, and leaving an expert is one as well: more likely inside than not will do. */
const EVEN = 0.5;

/**
 * What strangers ask that is outside is less like the outside rows at hand than what they ask inside is like the others:
 * thresholds found on such rows, with both sides counting the same, let too much pass.
 */
const OUTSIDE_WEIGHT = 2;

/** A row with what parts say of it that have not learnt it. */
export interface UnseenRow extends MixtureRow {
  turn: Turn;
}

/** One fold of a large set, all of a small one. */
export function judgeUnseen(rows: readonly TrainingRow[], trainer: PartsTrainer): UnseenRow[] {
  const unseen: UnseenRow[] = [];
  for (let fold = 0; fold < FOLDS && unseen.length < CALIBRATION_ROWS; fold++) {
    const held = rows.filter((row) => row.fold === fold);
    const parts = trainer.train(rows.filter((row) => row.fold !== fold));
    for (const row of held)
      unseen.push({ parts: trainer.scores(parts, row), target: row.target, weight: 1, turn: row.turn });
  }
  return unseen;
}

/** @param count how many of the parts are read */
export function readingOf(unseen: readonly UnseenRow[], classes: number, count: number): Reading {
  const rows = unseen.filter(({ parts }) => parts.length >= count);
  const later = rows.filter(({ turn }) => turn.before);
  return {
    first: ruleOf(
      rows.filter(({ turn }) => !turn.before),
      classes,
      count,
    ),
    later:
      later.length === 0
        ? null
        : { ...ruleOf(later, classes, count), thresholds: Array<number>(classes - 1).fill(EVEN) },
  };
}

function ruleOf(unseen: readonly UnseenRow[], classes: number, count: number): Rule {
  const rows = unseen.map((row) => ({ ...row, parts: row.parts.slice(0, count) }));
  const rule: Rule = { mixture: fitMixture(rows, count), thresholds: [] };
  const judged = rows.map(({ parts, target }) => ({ probabilities: probabilitiesOf(rule, parts), target }));
  return {
    ...rule,
    thresholds: chooseThresholds(judged, classes, OUTSIDE_WEIGHT),
  };
}
