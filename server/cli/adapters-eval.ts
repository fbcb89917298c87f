import path from "node:path";
import type { Command } from "commander";
import { type Config, configForModel } from "../config.ts";
import type { AdapterFile } from "../engines/index.ts";
import { type EvaluationReport, evaluateAdapter, type LossReduction, reportPage } from "../learning/index.ts";
import { resolveModel } from "../models/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import {
  adapterFolder,
  adapterFolders,
  evaluationFileStem,
  type RunningBase,
  readAdapter,
  readVersion,
  type VersionCard,
  versionNamed,
} from "../registry/index.ts";
import { writeAtomically } from "../write-atomically.ts";
import { withEngineOnDemand } from "./engine-on-demand.ts";
import { importFile } from "./import-file.ts";
import { ProgressLine, percent, printJson, printLine, signedPercent, table } from "./output.ts";

interface EvalFlags {
  against: string;
  data?: string;
  skipRefused?: boolean;
  model?: string;
  out?: string;
  json?: boolean;
}

export function addEval(adapters: Command): void {
  adapters
    .command("eval")
    .description("measure a version on held-out conversations, against the base model or another version")
    .argument("<id>", "an adapter's version for this base model, or one version such as health@2")
    .option("--against <version>", "base, or a version such as health@1", "base")
    .option("--data <file>", "conversations to measure on (default: the adapter's held-out ones)")
    .option("--skip-refused", "leave rows out that are no conversations, instead of stopping")
    .option("--model <model>", "base model to run on")
    .option("--out <folder>", "where report.json and report.html go (default: beside the version)")
    .option("--json", "print one JSON value: the report")
    .addHelpText("after", "\nExample:\n  $ npx patchbay adapters eval health --against base")
    .action(async (id: string, options: EvalFlags) => {
      const config = configForModel(options.model);
      const { report, page } = await evaluate(id, options, config);
      if (options.json) return printJson(report);
      printReport(report);
      printLine(`\nWith plots: ${page}`);
    });
}

async function evaluate(id: string, { against, data, skipRefused, out }: EvalFlags, config: Config) {
  const version = versionNamed(id);
  const folder = adapterFolder(config.adaptersDir, version.id);
  const other = against === "base" ? null : versionNamed(against);
  if (other && (other.id !== version.id || other.ordinal === null))
    throw new PatchbayError(
      "bad-request",
      `--against needs "base" or a version of ${version.id}, such as ${version.id}@1.`,
    );
  const rows =
    data === undefined
      ? null
      : importFile(data, skipRefused === true).rows.map(({ conversation }) => conversation);
  const progress = new ProgressLine();
  const base = await resolveModel(config.model, config.cacheDir, (step, percent) =>
    progress.show(step, percent),
  );
  const running = { sha256: base.sha256, model: config.model };
  const candidate = await readVersion(folder, version.ordinal, running);
  try {
    const report = await withEngineOnDemand(config, base, progress, async (engine) =>
      evaluateAdapter({
        folder,
        promptsDir: config.promptsDir,
        base,
        candidate: candidate.file,
        against: other && (await readVersion(folder, other.ordinal, running)).file,
        wrongExperts: await wrongExperts(version.id, config, running),
        rows,
        engine,
        onProgress: (step, percent) => progress.show(step, percent),
      }),
    );
    const page = write(report, candidate.card, out ?? null, path.join(folder, "versions"), rows !== null);
    return { report, page };
  } finally {
    progress.end();
  }
}

/** The versions that serve the other domains on this base model. */
async function wrongExperts(id: string, config: Config, base: RunningBase): Promise<AdapterFile[]> {
  const files: AdapterFile[] = [];
  for (const folder of adapterFolders(config.adaptersDir)) {
    if (path.basename(folder) === id) continue;
    const { version } = await readAdapter(folder, config.promptsDir, base);
    if (version) files.push(version.file);
  }
  return files;
}

/** Beside the version, where it belongs to it: against the base model on the adapter's own held-out rows. */
function write(
  report: EvaluationReport,
  card: VersionCard,
  out: string | null,
  versions: string,
  otherRows: boolean,
): string {
  const usual = report.against === "base" && !otherRows;
  const folder = out ?? (usual ? versions : process.cwd());
  const name = out === null && usual ? evaluationFileStem(card.sha256) : "report";
  writeAtomically(path.join(folder, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`);
  const page = path.join(folder, `${name}.html`);
  writeAtomically(page, reportPage(report, card.lossCurve));
  return page;
}

function printReport({
  candidate,
  against,
  rows,
  loss,
  label,
  wrongExperts,
  forgetting,
  coherence,
  fluency,
}: EvaluationReport): void {
  const sides = (name: string, one: number, other: number, shown: (value: number) => string) => [
    name,
    shown(one),
    shown(other),
  ];
  printLine(`${candidate} against ${against}, ${rows} held-out conversations`);
  printLine(
    table([
      ["", against.toUpperCase(), candidate.toUpperCase()],
      sides("loss", loss.against, loss.candidate, (value) => value.toFixed(3)),
      ...(label
        ? [
            sides("label accuracy", label.against.accuracy, label.candidate.accuracy, percent),
            sides("label macro-F1", label.against.macroF1, label.candidate.macroF1, percent),
          ]
        : []),
      sides("repetition", fluency.repetition.against, fluency.repetition.candidate, percent),
      sides("relevance", coherence.relevance.against, coherence.relevance.candidate, percent),
    ]),
  );
  printLine(`loss ${signedPercent(-loss.reduction)} (95% interval ${interval(loss)})`);
  if (wrongExperts.length > 0)
    printLine(
      `against other experts: ${wrongExperts.map((expert) => `${expert.version} ${signedPercent(-expert.reduction)} (${interval(expert)})`).join(", ")}`,
    );
  const elsewhere = Object.entries({
    ...forgetting.otherDomains,
    ...(forgetting.general !== null && { general: forgetting.general }),
  });
  printLine(
    `loss elsewhere: ${elsewhere.map(([name, value]) => `${name} ${signedPercent(value)}`).join(", ")}`,
  );
}

/** Of the change of the loss. */
const interval = ({ ci95: [low, high] }: LossReduction): string =>
  `${signedPercent(-high)} to ${signedPercent(-low)}`;
