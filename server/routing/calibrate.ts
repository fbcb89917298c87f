import { fitMixture, type MixtureRow } from "./mixture.ts";
import type { PartsTrainer, TrainingRow } from "./parts.ts";
import {
  gatedCount,
  gatedParts,
  type Heard,
  type LaterRule,
  leavesBy,
  leavingCount,
  leavingParts,
  PARTS,
  probabilitiesOf,
  type Reading,
  type Rule,
} from "./scores.ts";
import { chooseThresholds } from "./threshold.ts";

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
  target: number;
  /** Whether it leaves the one who really spoke before; null where nobody did. */
  goes: boolean | null;
  heard: Heard;
}

/** One fold of a large set, all of a small one. */
export function judgeUnseen(rows: readonly TrainingRow[], trainer: PartsTrainer): UnseenRow[] {
  const unseen: UnseenRow[] = [];
  for (let fold = 0; fold < FOLDS && unseen.length < CALIBRATION_ROWS; fold++) {
    const held = rows.filter((row) => row.fold === fold);
    const parts = trainer.train(rows.filter((row) => row.fold !== fold));
    for (const row of held)
      unseen.push({ target: row.target, goes: row.goes, heard: trainer.hear(parts, row) });
  }
  return unseen;
}

/** @param by what it goes by: the words alone, or everything */
export function readingOf(unseen: readonly UnseenRow[], classes: number, by: "words" | "all"): Reading {
  const rows = unseen.filter(({ heard }) => by === "words" || heard.meaning.length > 0);
  const first = rows.filter(({ heard }) => !heard.going).map((row) => mixtureRow(row, by));
  return { first: ruleOf(first, classes, PARTS.first[by]), later: laterRuleOf(rows, classes, by) };
}

function laterRuleOf(rows: readonly UnseenRow[], classes: number, by: "words" | "all"): LaterRule | null {
  const later = rows.flatMap((row) =>
    row.heard.going ? [{ ...mixtureRow(row, by), goes: row.goes, going: row.heard.going }] : [],
  );
  if (later.length === 0) return null;
  const opinions = PARTS.later[by];
  const known = later.filter(
    ({ going, target, goes }) => going.expert >= 0 && (target !== going.expert) === goes,
  );
  const leaving = fitMixture(
    known.map(({ parts, target, going }) => ({
      parts: leavingParts(parts, going),
      target: Number(target !== going.expert),
      weight: 1,
    })),
    leavingCount(opinions),
  );
  const gated = later.map(({ parts, going, ...row }) => ({
    ...row,
    parts: gatedParts(parts, going, leavesBy(leaving, parts, going)),
  }));
  const even = Array<number>(classes - 1).fill(EVEN);
  return { leaving, mixture: fitMixture(gated, gatedCount(opinions)), thresholds: even };
}

const mixtureRow = ({ heard: { words, meaning }, target }: UnseenRow, by: "words" | "all"): MixtureRow => ({
  parts: by === "words" ? words : [...words, ...meaning],
  target,
  weight: 1,
});

function ruleOf(rows: readonly MixtureRow[], classes: number, parts: number): Rule {
  const mixture = fitMixture(rows, parts);
  const judged = rows.map((row) => ({
    probabilities: probabilitiesOf({ mixture }, row.parts),
    target: row.target,
  }));
  return { mixture, thresholds: chooseThresholds(judged, classes, OUTSIDE_WEIGHT) };
}
