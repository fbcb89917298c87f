import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { AdapterFile } from "../../engines/index.ts";
import { PatchbayError } from "../../protocol/index.ts";
import { adapterFolders, readVersion } from "../../registry/index.ts";
import { writeAtomically } from "../../write-atomically.ts";
import { textsFor } from "../evaluation/evaluate-adapter.ts";
import { type Measured, meanLoss, measureSide, type ToMeasure } from "../evaluation/measure-side.ts";
import { goldLabels } from "../label-task.ts";
import { runRows } from "../run-rows.ts";
import { runTraining, type TrainOptions } from "../train-adapter.ts";
import { defaultTrainConfig, type TrainConfig } from "../train-config.ts";
import { ablationPage } from "./ablation-page.ts";
import { ArmResult } from "./arm-result.ts";
import { type Arm, type Budget, sweep, techniques } from "./arms.ts";

export interface AblateOptions extends Omit<TrainOptions, "config" | "runFolder"> {
  budget: Budget;
  /** Names of the arms to train, beside those that are there already; null: all. */
  only: readonly string[] | null;
  /** Below which each arm's run folder goes. */
  runsDir: string;
  onStep: (text: string, share: number | null) => void;
}

type ArmOrBase = Pick<Arm, "name" | "technique"> & { config: TrainConfig | null };

/** The model as it is, which the sweep is compared with. */
const BASE: ArmOrBase = { name: "base", technique: "no adapter", config: null };

/** Rows on which a neighbour to transfer from is chosen. */
const NEIGHBOUR_ROWS = 20;

/**
 * Trains and measures every arm that is not there yet, and writes the table anew after each: a run that is stopped goes on
 * where it was. Results are kept in `adapters/<id>/ablation`.
 * @returns the folder of the results
 * @throws {PatchbayError} `bad-request` for an arm that does not exist, or where no learning rate is left to compare with
 */
export async function ablate(options: AblateOptions): Promise<string> {
  const { folder, base, budget, onStep } = options;
  const rates = sweep(budget);
  checkNames(options.only, [...rates, ...techniques(budget, Number.NaN, "a neighbour")]);
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
  const add = async (arm: Arm) => {
    const isWanted = options.only?.includes(arm.name) ?? true;
    const result =
      keptResult(arm, options, kept) ?? (isWanted ? await newResult(arm, options, kept, texts) : null);
    if (result) results.push(result);
  };

  results.push(keptResult(BASE, options, kept) ?? (await measured(BASE, null, options, kept, texts)));
  for (const arm of rates) {
    await add(arm);
    if (results.length > 1) write(bestOf(results).arm);
  }
  if (results.length === 1)
    throw new PatchbayError(
      "bad-request",
      "Techniques are compared with the best learning rate; there is none yet.",
      {
        hint: `Add one of ${rates.map(({ name }) => name).join(", ")}.`,
      },
    );
  const control = bestOf(results).arm;
  const learningRate = rates.find(({ name }) => name === control)?.config.learningRate ?? Number.NaN;
  onStep("looking for the nearest domain", null);
  for (const arm of techniques(budget, learningRate, await nearest(options, texts))) {
    await add(arm);
    write(control);
  }
  return kept;
}

function checkNames(only: readonly string[] | null, arms: readonly Arm[]): void {
  const names = arms.map(({ name }) => name);
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new PatchbayError("bad-request", `There is no arm "${unknown}".`, {
      hint: `The arms are ${names.join(", ")}.`,
    });
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

async function newResult(
  arm: Arm,
  options: AblateOptions,
  kept: string,
  texts: ToMeasure,
): Promise<ArmResult> {
  options.onLine(`${arm.name}: ${arm.technique}`);
  // Named by what it does, so that an arm that was stopped goes on from its checkpoint.
  const runFolder = path.join(options.runsDir, `ablation-${hashOf(arm, options).slice(0, 16)}`);
  const { file, card } = await runTraining({ ...options, config: arm.config, runFolder });
  const run = { file, tokensTrained: card.tokensTrained ?? 0, seconds: card.seconds };
  return measured(arm, run, options, kept, texts);
}

const fileOf = ({ name }: Pick<Arm, "name">, kept: string) => path.join(kept, `${name}.json`);

function keptResult(arm: ArmOrBase, options: AblateOptions, kept: string): ArmResult | null {
  const file = fileOf(arm, kept);
  if (!fs.existsSync(file)) return null;
  const result = ArmResult.parse(JSON.parse(fs.readFileSync(file, "utf8")));
  return result.sha256 === hashOf(arm, options) ? result : null;
}

async function measured(
  arm: ArmOrBase,
  run: Run | null,
  options: AblateOptions,
  kept: string,
  texts: ToMeasure,
): Promise<ArmResult> {
  const { losses, general, labels } = await measureSide(
    options.base.path,
    run?.file ?? null,
    texts,
    (share) => options.onStep(`measuring ${arm.name}`, share),
  );
  const { labelTask, own } = texts;
  const result: ArmResult = {
    arm: arm.name,
    technique: arm.technique,
    config: arm.config && { ...arm.config },
    sha256: hashOf(arm, options),
    tokensTrained: run?.tokensTrained ?? 0,
    seconds: run?.seconds ?? 0,
    losses: rounded(losses),
    general: rounded(general),
    gold: labelTask ? goldLabels(labelTask, own.rows) : [],
    labels,
  };
  writeAtomically(fileOf(arm, kept), `${JSON.stringify(result)}\n`);
  return result;
}

const rounded = (losses: Measured["losses"]) =>
  losses.map(({ loss, tokens }) => ({ loss: Number(loss.toFixed(3)), tokens }));

function hashOf({ config }: ArmOrBase, { folder, promptsDir, base }: AblateOptions): string {
  // Labels and other domains' conversations are of consequence to those alone who learn from them.
  const plain = { ...defaultTrainConfig, tasks: "answers" } as const;
  const { dataSha256, promptSha256 } = runRows(folder, promptsDir, config ?? plain, []);
  return createHash("sha256")
    .update(JSON.stringify([config, base.sha256, dataSha256, promptSha256]))
    .digest("hex");
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
