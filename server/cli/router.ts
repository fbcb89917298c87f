import fs from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import { readConfig } from "../config.ts";
import { BASE, PatchbayError } from "../protocol/index.ts";
import {
  createRouter,
  evaluate,
  learningAids,
  mistype,
  type RouterReport,
  type RoutingRow,
  readRoutingRows,
  serializeHead,
  toExamples,
  trainHead,
} from "../routing/index.ts";
import { percent as inPercent, note, ProgressLine, printJson, printLine } from "./output.ts";
import { encoderOrNull, headAndEmbedder, heldOutRows } from "./router-head.ts";
import { addHeads } from "./router-heads.ts";

export function addRouter(program: Command): void {
  const router = program.command("router").description("the classifier that picks the expert");
  addHeads(router);
  router
    .command("explain")
    .description("who would answer a text, how sure the router is, and why")
    .argument("<text>")
    .option("--head <file>", "a head from `router train` instead of the shipped one")
    .option("--no-embed", "go by words alone")
    .option("--json", "print one JSON value")
    .addHelpText("after", '\nExample:\n  $ npx patchbay router explain "my parcel never came"')
    .action(explain);
  router
    .command("train")
    .description(
      'train a head on rows of {"text", "label"} (label null or "base": outside every domain) or {"turns": [{"user", "assistant", "label"}]}',
    )
    .requiredOption("--data <file>", "JSON lines")
    .requiredOption("--out <head>", "file to write")
    .option("--no-embed", "learn words alone, without sentence embeddings")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay router train --data turns.jsonl --out head.json")
    .action(train);
  router
    .command("eval")
    .description("measure a head on labelled rows")
    .option("--data <file>", "JSON lines (default: the held-out turns of the adapters, and dialogues)")
    .option("--head <file>", "a head from `router train` instead of the shipped one")
    .option("--no-embed", "go by words alone")
    .option("--typos <rate>", "mistype this share of the letters first, 0 to 1", rateOf)
    .option("--seed <n>", "of the typos", seedOf, 1)
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay router eval --data turns.jsonl --typos 0.05 --json")
    .action(measure);
}

interface HeadOptions {
  head?: string;
  embed: boolean;
  json?: boolean;
}

async function explain(text: string, options: HeadOptions): Promise<void> {
  const { head, embedder } = await headAndEmbedder(options);
  const router = createRouter(head, embedder);
  const decision = await router
    .route({ turns: [{ role: "user", text }], previous: null })
    .finally(() => embedder?.close());
  if (options.json) return printJson(decision);
  const { domain, confidence, runnerUp, reason } = decision;
  printLine(
    `${domain} ${percent(confidence)} (${reason})${runnerUp ? `; next: ${runnerUp.domain} ${percent(runnerUp.confidence)}` : ""}`,
  );
}

async function train(options: { data: string; out: string; embed: boolean; json?: boolean }): Promise<void> {
  const examples = toExamples(readRoutingRows(options.data));
  const labels = new Set(examples.map(({ label }) => label ?? BASE));
  if (labels.size === 1)
    throw new PatchbayError("data-invalid", `Every row of ${options.data} has the same label.`, {
      hint: `A router needs a second one to tell it from; null and "${BASE}" are the same one, outside every domain.`,
    });
  const { cacheDir } = readConfig(process.env);
  const progress = new ProgressLine();
  const encoder = await encoderOrNull(options.embed, progress);
  const startedAt = performance.now();
  const onProgress = (share: number) => progress.show("embedding", share);
  const aids = await learningAids(examples, encoder, cacheDir, onProgress).finally(() => progress.end());
  const embeddedAt = performance.now();
  const head = trainHead(examples, aids);
  fs.writeFileSync(options.out, serializeHead(head));
  const summary = {
    version: head.version,
    labels: head.labels,
    rows: examples.length,
    embedding: aids.embeddings !== null,
    embedMs: Math.round(embeddedAt - startedAt),
    trainMs: Math.round(performance.now() - embeddedAt),
    bytes: fs.statSync(options.out).size,
  };
  if (options.json) return printJson(summary);
  const { version, rows, trainMs } = summary;
  note(`head ${version}: ${head.labels.length} labels from ${rows} rows in ${trainMs} ms`);
}

async function measure(
  options: HeadOptions & { data?: string; typos?: number; seed: number },
): Promise<void> {
  const rows = options.data ? readRoutingRows(options.data) : heldOutRows();
  const { head, embedder } = await headAndEmbedder(options);
  const typed = options.typos
    ? rows.map((row, at) => mistypeRow(row, options.typos ?? 0, options.seed + at))
    : rows;
  const report = await evaluate(head, typed, embedder).finally(() => embedder?.close());
  if (options.json) return printJson(report);
  for (const line of inWords(report)) printLine(line);
}

function mistypeRow(row: RoutingRow, rate: number, seed: number): RoutingRow {
  if (!("turns" in row)) return { ...row, text: mistype(row.text, rate, seed) };
  const turns = row.turns.map((turn, at) => ({ ...turn, user: mistype(turn.user, rate, seed + at) }));
  return { ...row, turns };
}

function inWords(report: RouterReport): string[] {
  const { accuracy, oosAuroc, oosFpr95, ece, thresholded, turnAccuracy, switchRecall, falseSwitchRate } =
    report;
  const { p50, p99 } = report.latencyMs;
  const lines = [
    `accuracy ${percent(accuracy)}, served: ${percent(thresholded.inDomainAccuracy)} inside, ${percent(thresholded.oosRecall)} outside`,
    `outside AUROC ${oosAuroc?.toFixed(3) ?? "–"}, FPR95 ${percent(oosFpr95)}, ECE ${ece.toFixed(3)}`,
    `decision p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
  ];
  if (turnAccuracy === null) return lines;
  return [
    ...lines,
    `dialogues: turns ${percent(turnAccuracy)}, switches ${percent(switchRecall)}, false switches ${percent(falseSwitchRate)}`,
  ];
}

function seedOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A whole number is needed.");
}

function rateOf(text: string): number {
  const rate = Number(text);
  if (rate >= 0 && rate <= 1) return rate;
  throw new InvalidArgumentError("A share from 0 to 1 is needed.");
}

const percent = (share: number | null): string => (share === null ? "–" : inPercent(share));
