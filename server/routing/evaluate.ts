import { BASE } from "../protocol/index.ts";
import type { Example } from "./examples.ts";
import { vectorise } from "./features.ts";
import type { Head } from "./head.ts";
import { linearScores, softmax } from "./logistic.ts";
import { decide } from "./router.ts";

/** How a head does on labelled rows. Shares are fractions from 0 to 1, null where no row allows the figure. */
export interface RouterReport {
  rows: number;
  /** Forced choice between the domains, over the rows that belong to one. */
  accuracy: number | null;
  /** Area under the ROC curve of telling inside from outside by 1 - p(base). */
  oosAuroc: number | null;
  /** Share of outside rows accepted where 95% of inside rows are. */
  oosFpr95: number | null;
  /** Expected calibration error of the likeliest label, background included, in 15 bins of equal width. */
  ece: number;
  /** Decisions as they are served: the right domain for inside rows, `base` for outside ones. */
  thresholded: { inDomainAccuracy: number | null; oosRecall: number | null };
  /** Rows are gold labels, columns the decisions served. */
  confusion: { labels: string[]; counts: number[][] };
  /** Of dialogues; null for single texts. */
  turnAccuracy: number | null;
  switchRecall: number | null;
  falseSwitchRate: number | null;
  /** Time of a whole decision. */
  latencyMs: { p50: number; p99: number };
}

interface Judged {
  gold: string;
  /** Likeliest domain, the background left out. */
  forced: string;
  /** 1 - p(base). */
  inside: number;
  likeliest: string;
  confidence: number;
  served: string;
  ms: number;
}

const BINS = 15;

/** @param now milliseconds, for latencies */
export function evaluate(
  head: Head,
  rows: readonly Example[],
  now: () => number = () => performance.now(),
): RouterReport {
  const judged = rows.map((row) => judge(head, row, now));
  const inside = judged.filter(({ gold }) => gold !== BASE);
  const outside = judged.filter(({ gold }) => gold === BASE);
  const times = judged.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    rows: rows.length,
    accuracy: share(inside, (row) => row.forced === row.gold),
    oosAuroc: auroc(inside.map(insideScore), outside.map(insideScore)),
    oosFpr95: falsePositivesAt95(inside.map(insideScore), outside.map(insideScore)),
    ece: calibrationError(judged),
    thresholded: {
      inDomainAccuracy: share(inside, (row) => row.served === row.gold),
      oosRecall: share(outside, (row) => row.served === BASE),
    },
    confusion: confusion(head.labels, judged),
    turnAccuracy: null,
    switchRecall: null,
    falseSwitchRate: null,
    latencyMs: { p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
  };
}

const insideScore = ({ inside }: Judged): number => inside;

function judge(head: Head, { text, label }: Example, now: () => number): Judged {
  const startedAt = now();
  const served = decide(head, { turns: [{ role: "user", text }], previous: null }).domain;
  const ms = now() - startedAt;
  const probabilities = softmax(linearScores(head.model, vectorise(text)), head.temperature);
  const base = head.labels.length - 1;
  const domains = probabilities.subarray(0, base);
  const confidence = Math.max(...probabilities);
  return {
    gold: label ?? BASE,
    forced: head.labels[domains.indexOf(Math.max(...domains))] ?? BASE,
    inside: 1 - (probabilities[base] ?? 0),
    likeliest: head.labels[probabilities.indexOf(confidence)] ?? BASE,
    confidence,
    served,
    ms,
  };
}

/** The Mann-Whitney statistic, ties half: how often an inside score beats an outside one. */
export function auroc(inside: readonly number[], outside: readonly number[]): number | null {
  if (inside.length === 0 || outside.length === 0) return null;
  const sorted = outside.toSorted((a, b) => a - b);
  const wins = inside.reduce(
    (sum, score) => sum + (countBelow(sorted, score) + countUpTo(sorted, score)) / 2,
    0,
  );
  return wins / (inside.length * outside.length);
}

const countBelow = (sorted: number[], score: number): number => bisect(sorted, (value) => value < score);
const countUpTo = (sorted: number[], score: number): number => bisect(sorted, (value) => value <= score);

/** How many of the first values pass a test that, once failed, fails for the rest. */
function bisect(sorted: number[], passes: (value: number) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (passes(sorted[middle] ?? Number.NaN)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function falsePositivesAt95(inside: readonly number[], outside: readonly number[]): number | null {
  const threshold = inside.toSorted((a, b) => b - a)[Math.ceil(0.95 * inside.length) - 1];
  return threshold === undefined ? null : share(outside, (score) => score >= threshold);
}

function calibrationError(judged: Judged[]): number {
  const gaps = new Float64Array(BINS);
  for (const { confidence, likeliest, gold } of judged) {
    const bin = Math.min(BINS - 1, Math.floor(confidence * BINS));
    gaps[bin] = (gaps[bin] ?? 0) + confidence - (likeliest === gold ? 1 : 0);
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / Math.max(1, judged.length);
}

function confusion(headLabels: string[], judged: Judged[]): RouterReport["confusion"] {
  const unknown = new Set(judged.map(({ gold }) => gold).filter((gold) => !headLabels.includes(gold)));
  const labels = [...headLabels, ...[...unknown].sort()];
  const counts = labels.map(() => labels.map(() => 0));
  for (const { gold, served } of judged) {
    const row = counts[labels.indexOf(gold)];
    const column = labels.indexOf(served);
    if (row) row[column] = (row[column] ?? 0) + 1;
  }
  return { labels, counts };
}

function share<T>(rows: readonly T[], test: (row: T) => boolean): number | null {
  return rows.length === 0 ? null : rows.filter(test).length / rows.length;
}

/** Nearest rank. */
const quantile = (sorted: number[], q: number): number =>
  sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
