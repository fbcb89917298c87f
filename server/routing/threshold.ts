/** A row that the head has not seen, with what it says of it. */
export interface JudgedRow {
  probabilities: Float64Array;
  target: number;
}

/** Log odds that are tried: where outside rows are rare, nearly everything is inside by far. */
const LOWEST = -4;
const HIGHEST = 10;
const STEPS = 71;
/** Thresholds this close to the best one count as equally good; what is taken lies in the middle of those. */
const PLATEAU = 0.01;
/** Rows at which a domain's own threshold and the common one weigh the same: its own, or those outside that are like them. */
const SHRINKAGE = 60;
/** Without rows on both sides. */
const DEFAULT = 0.5;

interface Candidate {
  /** Likeliest domain. */
  domain: number;
  /** How sure it is that the row is none of the background's. */
  inside: number;
  /** null for the background. */
  target: number | null;
}

/**
 * Of each domain, how sure the router has to be that a turn is not the background's before the domain answers: where the
 * share of its rows that it answers and the share of outside rows that are left alone have the highest mean. Domains with
 * few rows on either side lean on the threshold of all together. The last class is the background.
 * @param outsideWeight how much the outside share counts of the inside one
 */
export function chooseThresholds(
  rows: readonly JudgedRow[],
  classes: number,
  outsideWeight: number,
): number[] {
  const base = classes - 1;
  const candidates = rows.map(({ probabilities, target }): Candidate => {
    const domains = probabilities.subarray(0, base);
    const inside = 1 - (probabilities[base] ?? 0);
    return { domain: domains.indexOf(Math.max(...domains)), inside, target: target === base ? null : target };
  });
  const inside = candidates.filter(({ target }) => target !== null);
  const outside = candidates.filter(({ target }) => target === null);
  const common = best(inside, outside, outsideWeight) ?? DEFAULT;
  return Array.from({ length: base }, (_, domain) => {
    const own = inside.filter(({ target }) => target === domain);
    const alike = outside.filter((row) => row.domain === domain);
    const threshold = best(own, alike, outsideWeight) ?? common;
    const rows = Math.min(own.length, alike.length);
    return fromLogit((rows * logit(threshold) + SHRINKAGE * logit(common)) / (rows + SHRINKAGE));
  });
}

function best(inside: Candidate[], outside: Candidate[], outsideWeight: number): number | null {
  if (inside.length === 0 || outside.length === 0) return null;
  const graded = Array.from({ length: STEPS }, (_, step) => {
    const logOdds = LOWEST + ((HIGHEST - LOWEST) * step) / (STEPS - 1);
    const threshold = fromLogit(logOdds);
    const served = inside.filter((row) => row.inside >= threshold && row.domain === row.target).length;
    const left = outside.filter((row) => row.inside < threshold).length;
    return { logOdds, grade: served / inside.length + (outsideWeight * left) / outside.length };
  });
  const highest = Math.max(...graded.map(({ grade }) => grade));
  const good = graded.filter(({ grade }) => grade >= highest - PLATEAU);
  return fromLogit(good.reduce((sum, { logOdds }) => sum + logOdds, 0) / good.length);
}

const fromLogit = (logOdds: number): number => 1 / (1 + Math.exp(-logOdds));
const logit = (probability: number): number => Math.log(probability / (1 - probability));
