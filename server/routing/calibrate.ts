import { fitMixture, type MixtureRow } from "./mixture.ts";
import type { PartsTrainer, TrainingRow } from "./parts.ts";
import { type Heard, PARTS, probabilitiesOf, type Reading, type Rule } from "./scores.ts";
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
export interface UnseenRow {
  turn: Turn;
  target: number;
  heard: Heard;
}

/** One fold of a large set, all of a small one. */
export function judgeUnseen(rows: readonly TrainingRow[], trainer: PartsTrainer): UnseenRow[] {
  const unseen: UnseenRow[] = [];
  for (let fold = 0; fold < FOLDS && unseen.length < CALIBRATION_ROWS; fold++) {
    const held = rows.filter((row) => row.fold === fold);
    const parts = trainer.train(rows.filter((row) => row.fold !== fold));
    for (const row of held)
      unseen.push({ turn: row.turn, target: row.target, heard: trainer.hear(parts, row) });
  }
  return unseen;
}

/** @param by what it goes by: the words alone, or everything */
export function readingOf(unseen: readonly UnseenRow[], classes: number, by: "words" | "all"): Reading {
  const rows = unseen.filter(({ heard }) => by === "words" || heard.meaning.length > 0);
  const first = rows.filter(({ turn }) => !turn.before).map((row) => mixtureRow(row, by));
  const later = rows.filter(({ turn }) => turn.before).map((row) => mixtureRow(row, by));
  const even = Array<number>(classes - 1).fill(EVEN);
  return {
    first: ruleOf(first, classes, PARTS.first[by]),
    later: later.length === 0 ? null : { mixture: fitMixture(later, PARTS.later[by]), thresholds: even },
  };
}

const mixtureRow = ({ heard: { words, meaning }, target }: UnseenRow, by: "words" | "all"): MixtureRow => ({
  parts: by === "words" ? words : [...words, ...meaning],
  target,
  weight: 1,
});

function ruleOf(rows: readonly MixtureRow[], classes: number, parts: number): Rule {
  const mixture = fitMixture(rows, parts);
  const judged = rows.map((row) => ({
    probabilities: probabilitiesOf({ mixture, thresholds: [] }, row.parts),
    target: row.target,
  }));
  return { mixture, thresholds: chooseThresholds(judged, classes, OUTSIDE_WEIGHT) };
}
