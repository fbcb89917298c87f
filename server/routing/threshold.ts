import { type ScoredRow, softmax } from "./logistic.ts";

const LOWEST = 0.3;
const HIGHEST = 0.7;
const STEP = 0.02;
/** Thresholds this close to the best one count as equally good; the middle of them is the steadiest. */
const PLATEAU = 0.01;

/**
 * The confidence below which a turn is left to the base model: where the share of domain rows that are served by the
 * right domain and the share of outside rows that are left alone have the highest mean. The last class is the
 * background. Null where the rows lie all inside or all outside.
 */
export function chooseThreshold(rows: ScoredRow[], temperature: number): number | null {
  const judged = rows.map(({ scores, target }) => ({ ...bestDomain(softmax(scores, temperature)), target }));
  const inside = judged.filter(({ target, base }) => target !== base);
  const outside = judged.filter(({ target, base }) => target === base);
  if (inside.length === 0 || outside.length === 0) return null;
  const candidates = Array.from(
    { length: Math.round((HIGHEST - LOWEST) / STEP) + 1 },
    (_, i) => LOWEST + i * STEP,
  );
  const graded = candidates.map((threshold) => {
    const served = inside.filter((row) => row.accepted >= threshold && row.domain === row.target).length;
    const left = outside.filter((row) => row.accepted < threshold).length;
    return { threshold, grade: (served / inside.length + left / outside.length) / 2 };
  });
  const best = Math.max(...graded.map(({ grade }) => grade));
  const good = graded.filter(({ grade }) => grade >= best - PLATEAU);
  const middle = good[Math.floor(good.length / 2)]?.threshold ?? LOWEST;
  return Math.round(middle * 100) / 100;
}

/** `accepted` is 0 where the background is likelier than every domain. */
function bestDomain(probabilities: Float64Array): { domain: number; accepted: number; base: number } {
  const base = probabilities.length - 1;
  const domains = probabilities.subarray(0, base);
  const highest = Math.max(...domains);
  return {
    domain: domains.indexOf(highest),
    accepted: highest > (probabilities[base] ?? 0) ? highest : 0,
    base,
  };
}
