import path from "node:path";
import type { Command } from "commander";
import { type Config, configForModel, readConfig } from "../config.ts";
import {
  createAdapter,
  type DatasetReport,
  readDataset,
  readPlan,
  verifyDataset,
} from "../learning/index.ts";
import { adapterFolder, readManifest } from "../registry/index.ts";
import { addAblate } from "./adapters-ablate.ts";
import { addEval } from "./adapters-eval.ts";
import { adapterTable, listAdapters } from "./adapters-list.ts";
import { addTrain } from "./adapters-train.ts";
import { importFile } from "./import-file.ts";
import { firstOf, note, percent, printJson, printLine, table } from "./output.ts";

export function addAdapters(program: Command): void {
  const adapters = program.command("adapters").description("fine-tuned experts");
  adapters
    .command("list")
    .description("id, version, base model, size and held-out loss of each adapter")
    .option("--model <model>", "base model that they are to fit")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay adapters list")
    .action(async (options: { model?: string; json?: boolean }) => {
      const rows = await listAdapters(configForModel(options.model));
      if (options.json) printJson(rows);
      else printLine(adapterTable(rows));
    });
  adapters
    .command("new")
    .description(
      "make a domain's folder from conversations: JSON lines in a common chat form, or a CSV table",
    )
    .argument("<id>", "the new domain")
    .requiredOption("--data <file>", "conversations to learn from; may be given several times", collect)
    .option("--title <title>", "what people see (default: the id)")
    .option("--description <text>", "what it is for")
    .option("--prompt <text>", "system prompt (default: the one that most rows came with)")
    .option("--skip-refused", "leave rows out that are no conversations, instead of stopping")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay adapters new legal --data my.jsonl")
    .action((id: string, options: NewFlags) => {
      const created = makeNew(id, options, readConfig(process.env));
      if (options.json) return printJson(created);
      printLine(`${created.folder}: ${created.train} conversations to train on, ${created.heldOut} held out`);
      if (created.labels.length > 0) printLine(`labels: ${created.labels.join(", ")}`);
      for (const problem of firstOf(created.problems)) note(`warning: ${problem}`);
      printLine(`Next: npx patchbay adapters verify ${id} && npx patchbay adapters train ${id}`);
    });
  adapters
    .command("verify")
    .description(
      "check an adapter's dataset: labels, plan of coverage, near-duplicates, leaks between its parts",
    )
    .argument("<id>", "folder below adapters/")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay adapters verify health")
    .action((id: string, options: { json?: boolean }) => {
      const report = verify(adapterFolder(readConfig(process.env).adaptersDir, id));
      if (options.json) printJson(report);
      else printReport(report);
      if (report.problems.length > 0) process.exitCode = 1;
    });
  addTrain(adapters);
  addEval(adapters);
  addAblate(adapters);
}

const collect = (file: string, before: string[] = []): string[] => [...before, file];

interface NewFlags {
  data: string[];
  title?: string;
  description?: string;
  prompt?: string;
  skipRefused?: boolean;
  json?: boolean;
}

function makeNew(id: string, { data, title, description, prompt, skipRefused }: NewFlags, config: Config) {
  const files = data.map((file) => importFile(file, skipRefused === true));
  const name = title ?? id;
  const created = createAdapter(
    {
      id,
      title: name,
      description: description ?? `Questions about ${name}`,
      prompt: prompt ?? null,
      source: data.map((file) => path.basename(file)).join(", "),
      rows: files.flatMap(({ rows }) => rows),
    },
    config,
  );
  return {
    ...created,
    problems: verify(created.folder).problems,
    refused: files.reduce((sum, { refused }) => sum + refused.length, 0),
  };
}

function verify(folder: string): DatasetReport {
  const dataset = path.join(folder, "dataset");
  const labels = readManifest(folder).labelTask?.labels ?? null;
  return verifyDataset({ ...readDataset(dataset), plan: readPlan(dataset), labels });
}

function printReport({
  train,
  heldOut,
  multiTurn,
  nearDuplicates,
  labels,
  planned,
  problems,
}: DatasetReport): void {
  const plan = planned === null ? "no plan" : `${planned} planned`;
  printLine(
    `${train} conversations to train on, ${heldOut} held out, ${percent(multiTurn)} with several turns, ${plan}; near-duplicates ${percent(nearDuplicates.rate)}`,
  );
  if (labels.length > 0)
    printLine(
      table([
        ["LABEL", "TRAIN", "TURNS", "HELD OUT"],
        ...labels.map(({ label, ...count }) => [
          label,
          `${count.train}`,
          `${count.turns}`,
          `${count.heldOut}`,
        ]),
      ]),
    );
  for (const line of firstOf(problems)) printLine(line);
  if (problems.length === 0) printLine("nothing to mend");
}
