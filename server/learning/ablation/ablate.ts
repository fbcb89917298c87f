import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { AdapterFile } from "../../engines/index.ts";
import { writeAtomically } from "../../models/index.ts";
import { adapterFolders, readVersion } from "../../registry/index.ts";
import { textsFor } from "../evaluation/evaluate-adapter.ts";
import { type Measured, meanLoss, measureSide, type ToMeasure } from "../evaluation/measure-side.ts";
import { goldLabels } from "../label-task.ts";
import { runTraining, type TrainOptions } from "../train-adapter.ts";
import { ablationPage } from "./ablation-page.ts";
import { ArmResult } from "./arm-result.ts";
import { type Arm, type Budget, sweep, techniques } from "./arms.ts";

export interface AblateOptions extends Omit<TrainOptions, "config" | "runFolder"> {
  budget: Budget;
  /** Below which each arm's run folder goes. */
  runsDir: string;
  onStep: (text: string, share: number | null) => void;
}

/** Rows on which a neighbour to transfer from is chosen. */
const NEIGHBOUR_ROWS = 20;

/**
 * Trains and measures every arm that is not there yet, and writes the table anew after each: a run that is stopped goes on
 * where it was. Results are kept in `adapters/<id>/ablation`.
 * @returns the folder of the results
 */
export async function ablate(options: AblateOptions): Promise<string> {
  const { folder, base, budget, onStep } = options;
  const texts = {
    ...textsFor({ folder, promptsDir: options.promptsDir, rows: null }),
    otherDomains: new Map(),
  };
  const kept = path.join(folder, "ablation");
  const results: ArmResult[] = [];
  const write = (control: string) =>
    writeAtomically(
      path.join(kept, "README.md"),
      ablationPage({ id: path.basename(folder), base: base.name, tokens: budget.tokens, control }, results),
    );

  const plain: Arm = {
    name: "base",
    technique: "no adapter",
    config: { ...(sweep(budget)[0] as Arm).config, maxTokens: null },
  };
  results.push(await resultOf(plain, options, kept, texts, async () => null));
  const train = (arm: Arm) => resultOf(arm, options, kept, texts, () => trained(arm, options));
  const rates = sweep(budget);
  for (const arm of rates) {
    results.push(await train(arm));
    write(bestOf(results).arm);
  }
  const control = bestOf(results).arm;
  const learningRate = rates.find(({ name }) => name === control)?.config.learningRate ?? Number.NaN;
  onStep("looking for the nearest domain", null);
  for (const arm of techniques(budget, learningRate, await nearest(options, texts))) {
    results.push(await train(arm));
    write(control);
  }
  return kept;
}

const bestOf = (results: readonly ArmResult[]): ArmResult =>
  results
    .filter(({ arm }) => arm !== "base")
    .reduce((best, result) => (meanLoss(result.losses) < meanLoss(best.losses) ? result : best));

interface Run {
  file: AdapterFile;
  tokensTrained: number;
  seconds: number;
}

async function trained(arm: Arm, options: AblateOptions): Promise<Run> {
  options.onLine(`${arm.name}: ${arm.technique}`);
  // Named by what it does, so that an arm that was stopped goes on from its checkpoint.
  const runFolder = path.join(options.runsDir, `ablation-${hashOf(arm, options).slice(0, 16)}`);
  const { file, card } = await runTraining({ ...options, config: arm.config, runFolder });
  return { file, tokensTrained: card.tokensTrained ?? 0, seconds: card.seconds };
}

async function resultOf(
  arm: Arm,
  options: AblateOptions,
  kept: string,
  texts: ToMeasure,
  run: () => Promise<Run | null>,
): Promise<ArmResult> {
  const file = path.join(kept, `${arm.name}.json`);
  const sha256 = hashOf(arm, options);
  const earlier = fs.existsSync(file) ? ArmResult.parse(JSON.parse(fs.readFileSync(file, "utf8"))) : null;
  if (earlier?.sha256 === sha256) return earlier;
  const made = await run();
  const { losses, general, labels } = await measureSide(
    options.base.path,
    made?.file ?? null,
    texts,
    (share) => options.onStep(`measuring ${arm.name}`, share),
  );
  const { labelTask, own } = texts;
  const result: ArmResult = {
    arm: arm.name,
    technique: arm.technique,
    sha256,
    tokensTrained: made?.tokensTrained ?? 0,
    seconds: made?.seconds ?? 0,
    losses: rounded(losses),
    general: rounded(general),
    gold: labelTask ? goldLabels(labelTask, own.rows) : [],
    labels,
  };
  writeAtomically(file, `${JSON.stringify(result)}\n`);
  return result;
}

const rounded = (losses: Measured["losses"]) =>
  losses.map(({ loss, tokens }) => ({ loss: Number(loss.toFixed(3)), tokens }));

function hashOf({ config }: Arm, { folder, base }: AblateOptions): string {
  const hash = createHash("sha256").update(JSON.stringify([config, base.sha256]));
  for (const name of ["train.jsonl", "heldout.jsonl"])
    hash.update(fs.readFileSync(path.join(folder, "dataset", name)));
  return hash.digest("hex");
}

/** The other domain whose adapter loses least on this one's rows; null: there is none for this base model. */
async function nearest({ folder, base }: AblateOptions, { own }: ToMeasure): Promise<string | null> {
  let best: { version: string; loss: number } | null = null;
  const rows = own.rows.slice(0, NEIGHBOUR_ROWS);
  const nothing = { systemPrompt: "", rows: [] };
  for (const other of adapterFolders(path.dirname(folder)).filter((each) => each !== folder)) {
    const version = await readVersion(other, null, base).catch(() => null);
    if (version?.card.base.sha256 !== base.sha256) continue;
    const texts = { own: { ...own, rows }, labelTask: null, general: nothing, otherDomains: new Map() };
    const loss = meanLoss((await measureSide(base.path, version.file, texts, () => undefined)).losses);
    if (best === null || loss < best.loss) best = { version: version.file.version, loss };
  }
  return best?.version ?? null;
}
