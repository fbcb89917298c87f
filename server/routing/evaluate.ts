import { BASE } from "../protocol/index.ts";
import type { Embedder } from "./embedder/embedder.ts";
import type { Dialogue, RoutingRow } from "./examples.ts";
import { auroc, calibrationError, falsePositivesAt95, quantile, share } from "./figures.ts";
import type { Head } from "./head.ts";
import { decideTurn, judge, likeliestDomain, type RouteRequest, turnOf } from "./policy.ts";
import { embeddingsFor } from "./router.ts";

/** How a head does on labelled rows. Shares are fractions from 0 to 1, null where no row allows the figure. */
export interface RouterReport {
  /** Texts, and turns of dialogues. */
  rows: number;
  /** Forced choice between the domains, over the rows that belong to one. */
  accuracy: number | null;
  /** Area under the ROC curve of telling inside from outside by 1 - p(base). */
  oosAuroc: number | null;
  /** Share of outside rows accepted where 95% of inside rows are. */
  oosFpr95: number | null;
  /** Expected calibration error of the likeliest label, background included. */
  ece: number;
  /** Decisions as they are served: the right domain for inside rows, `base` for outside ones. */
  thresholded: { inDomainAccuracy: number | null; oosRecall: number | null };
  /** Rows are gold labels, columns the decisions served. */
  confusion: { labels: string[]; counts: number[][] };
  /** Of dialogues, which run on the router's own decisions; null for texts. Share of turns served right. */
  turnAccuracy: number | null;
  /** Share of changes of the gold label whose new label is served on that very turn. */
  switchRecall: number | null;
  /** Share of turns whose gold label did not change on which the decision did. */
  falseSwitchRate: number | null;
  /** Time of a whole decision, embedding included. */
  latencyMs: { p50: number; p99: number };
}

interface Judged {
  gold: string;
  /** Likeliest domain, the background left out. */
  forced: string;
  /** 1 - p(base). */
  inside: number;
  confidence: number;
  /** Whether the likeliest label is the gold one. */
  right: boolean;
  served: string;
  ms: number;
}

/** @param now milliseconds, for latencies */
export async function evaluate(
  head: Head,
  rows: readonly RoutingRow[],
  embedder: Embedder | null = null,
  now: () => number = () => performance.now(),
): Promise<RouterReport> {
  const texts: Judged[] = [];
  const dialogues: Judged[][] = [];
  for (const row of rows) {
    if ("turns" in row) dialogues.push(await runDialogue(head, row, embedder, now));
    else {
      const request: RouteRequest = { turns: [{ role: "user", text: row.text }], previous: null };
      texts.push(await judgeTurn(head, request, row.label, embedder, now));
    }
  }
  return { ...figuresOf(head.labels, [...texts, ...dialogues.flat()]), ...figuresOfDialogues(dialogues) };
}

async function runDialogue(
  head: Head,
  { turns }: Dialogue,
  embedder: Embedder | null,
  now: () => number,
): Promise<Judged[]> {
  const judged: Judged[] = [];
  const said: RouteRequest["turns"] = [];
  for (const { user, assistant, label } of turns) {
    said.push({ role: "user", text: user });
    const previous = judged.at(-1)?.served ?? null;
    judged.push(await judgeTurn(head, { turns: said, previous }, label, embedder, now));
    said.push({ role: "assistant", text: assistant ?? "" });
  }
  return judged;
}

async function judgeTurn(
  head: Head,
  request: RouteRequest,
  label: string | null,
  embedder: Embedder | null,
  now: () => number,
): Promise<Judged> {
  const startedAt = now();
  const turn = turnOf(head, request);
  const embeddings = await embeddingsFor(turn, head.meaning && embedder);
  const served = decideTurn(head, turn, embeddings).domain;
  const ms = now() - startedAt;
  const { probabilities } = judge(head, turn, embeddings);
  const confidence = Math.max(...probabilities);
  const gold = label ?? BASE;
  return {
    gold,
    forced: head.labels[likeliestDomain(probabilities) ?? -1] ?? BASE,
    inside: 1 - (probabilities.at(-1) ?? 0),
    confidence,
    right: head.labels[probabilities.indexOf(confidence)] === gold,
    served,
    ms,
  };
}

function figuresOf(labels: readonly string[], judged: readonly Judged[]) {
  const inside = judged.filter(({ gold }) => gold !== BASE);
  const outside = judged.filter(({ gold }) => gold === BASE);
  const [insideScores, outsideScores] = [inside, outside].map((rows) => rows.map((row) => row.inside)) as [
    number[],
    number[],
  ];
  const times = judged.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    rows: judged.length,
    accuracy: share(inside, (row) => row.forced === row.gold),
    oosAuroc: auroc(insideScores, outsideScores),
    oosFpr95: falsePositivesAt95(insideScores, outsideScores),
    ece: calibrationError(judged),
    thresholded: {
      inDomainAccuracy: share(inside, (row) => row.served === row.gold),
      oosRecall: share(outside, (row) => row.served === BASE),
    },
    confusion: confusion(labels, judged),
    latencyMs: { p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
  };
}

function figuresOfDialogues(dialogues: readonly Judged[][]) {
  const steps = dialogues.flatMap((turns) =>
    turns.slice(1).map((turn, at) => ({ turn, last: turns[at] as Judged })),
  );
  const switches = steps.filter(({ turn, last }) => turn.gold !== last.gold);
  const stays = steps.filter(({ turn, last }) => turn.gold === last.gold);
  return {
    turnAccuracy: share(dialogues.flat(), (turn) => turn.served === turn.gold),
    switchRecall: share(switches, ({ turn }) => turn.served === turn.gold),
    falseSwitchRate: share(stays, ({ turn, last }) => turn.served !== last.served),
  };
}

function confusion(headLabels: readonly string[], judged: readonly Judged[]): RouterReport["confusion"] {
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
