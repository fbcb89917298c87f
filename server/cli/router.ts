import fs from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { readConfig } from "../config.ts";
import { adapterFolders } from "../registry/index.ts";
import {
  decide,
  evaluate,
  type Head,
  loadHead,
  parseHead,
  readHeldOut,
  readRoutingRows,
  serializeHead,
  trainHead,
} from "../routing/index.ts";
import { note, printJson, printLine } from "./output.ts";

export function addRouter(program: Command): void {
  const router = program.command("router").description("the classifier that picks the expert");
  router
    .command("explain")
    .description("who would answer a text, how sure the router is, and why")
    .argument("<text>")
    .option("--head <file>", "a head from `router train` instead of the shipped one")
    .option("--json", "print one JSON value")
    .addHelpText("after", '\nExample:\n  $ npx patchbay router explain "my parcel never came"')
    .action((text: string, options: { head?: string; json?: boolean }) => {
      const decision = decide(headFrom(options.head), { turns: [{ role: "user", text }], previous: null });
      if (options.json) return printJson(decision);
      const { domain, confidence, runnerUp, reason } = decision;
      printLine(
        `${domain} ${percent(confidence)} (${reason})${runnerUp ? `; next: ${runnerUp.domain} ${percent(runnerUp.confidence)}` : ""}`,
      );
    });
  router
    .command("train")
    .description('train a head on rows of {"text", "label"}, label null for what is outside every domain')
    .requiredOption("--data <file>", "JSON lines")
    .requiredOption("--out <head>", "file to write")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay router train --data turns.jsonl --out head.json")
    .action((options: { data: string; out: string; json?: boolean }) => {
      const rows = readRoutingRows(options.data);
      const startedAt = performance.now();
      const head = trainHead(rows);
      fs.writeFileSync(options.out, serializeHead(head));
      const summary = {
        version: head.version,
        labels: head.labels,
        rows: rows.length,
        trainMs: Math.round(performance.now() - startedAt),
      };
      if (options.json) printJson(summary);
      else
        note(
          `head ${summary.version}: ${summary.labels.length} labels from ${summary.rows} rows in ${summary.trainMs} ms`,
        );
    });
  router
    .command("eval")
    .description("measure a head on labelled rows")
    .option("--data <file>", "JSON lines (default: the held-out turns of the adapters)")
    .option("--head <file>", "a head from `router train` instead of the shipped one")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay router eval --data turns.jsonl --json")
    .action((options: { data?: string; head?: string; json?: boolean }) => {
      const report = evaluate(
        headFrom(options.head),
        options.data ? readRoutingRows(options.data) : heldOutRows(),
      );
      if (options.json) return printJson(report);
      const { accuracy, oosAuroc, oosFpr95, ece, thresholded, latencyMs } = report;
      printLine(
        `accuracy ${percent(accuracy)}, served: ${percent(thresholded.inDomainAccuracy)} inside, ${percent(thresholded.oosRecall)} outside`,
      );
      printLine(
        `outside AUROC ${oosAuroc?.toFixed(3) ?? "–"}, FPR95 ${percent(oosFpr95)}, ECE ${ece.toFixed(3)}, p99 ${latencyMs.p99.toFixed(2)} ms`,
      );
    });
}

const adapterIds = (adaptersDir: string): string[] =>
  adapterFolders(adaptersDir).map((folder) => path.basename(folder));

function heldOutRows() {
  const { adaptersDir, backgroundDir } = readConfig(process.env);
  return readHeldOut({ adaptersDir, backgroundDir }, adapterIds(adaptersDir));
}

function headFrom(file: string | undefined): Head {
  if (file !== undefined) return parseHead(fs.readFileSync(file, "utf8"));
  const { adaptersDir, backgroundDir, cacheDir } = readConfig(process.env);
  return loadHead({
    adaptersDir,
    backgroundDir,
    cacheDir,
    adapterIds: adapterIds(adaptersDir),
  });
}

const percent = (share: number | null): string => (share === null ? "–" : `${(share * 100).toFixed(1)}%`);
