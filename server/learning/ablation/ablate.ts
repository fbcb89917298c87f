import fs from "node:fs";
import path from "node:path";
import type { AdapterFile } from "../../engines/index.ts";
import { PatchbayError } from "../../protocol/index.ts";
import { adapterFolders, readVersion } from "../../registry/index.ts";
import { writeAtomically } from "../../write-atomically.ts";
import { textsFor } from "../evaluation/evaluate-adapter.ts";
import { type Measured, meanLoss, measureSide, type ToMeasure } from "../evaluation/measure-side.ts";
import { goldLabels } from "../label-task.ts";
import { runTraining, type TrainOptions } from "../train-adapter.ts";
import { ablationPage, type TableRow } from "./ablation-page.ts";
import { ArmResult } from "./arm-result.ts";
import { type Arm, type Budget, sweep, techniques } from "./arms.ts";
import { type ArmOrBase, hashOf, originOf } from "./origin.ts";

export interface AblateOptions extends Omit<TrainOptions, "config" | "runFolder"> {
  budget: Budget;
  /** Names of the arms to train, beside those that are there already; null: all. */
  only: readonly string[] | null;
  /** Below which each arm's run folder goes. */
  runsDir: string;
  onStep: (text: string, share: number | null) => void;
}

/** The model as it is, which the sweep is compared with. */
const BASE: ArmOrBase = { name: "base", technique: "no adapter", config: null, startSha256: null };

/** Stands for the neighbour where only the arms' names are of interest. */
const ANY_NEIGHBOUR = { version: "a neighbour", sha256: "" };

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
  const names = [...rates, ...techniques(budget, Number.NaN, ANY_NEIGHBOUR)].map(({ name }) => name);
  checkNames(options.only, names);
  const texts = {
    ...textsFor({ folder, promptsDir: options.promptsDir, rows: null }),
    otherDomains: new Map(),
  };
  const kept = path.join(folder, "ablation");
  const results: ArmResult[] = [];
  const write = (control: string) =>
    writeAtomically(
      path.join(kept, "README.md"),
      ablationPage(
        { id: path.basename(folder), base: base.name, tokens: budget.tokens, control },
        tableRows([BASE.name, ...names], results, kept),
      ),
    );
  const add = async (arms: readonly Arm[], onAdded: () => void) => {
    // Those that are there first, so that the table calls none of them earlier while another of them trains.
    results.push(...arms.flatMap((arm) => keptResult(arm, options, kept) ?? []));
    const missing = arms.filter(({ name }) => !results.some(({ arm }) => arm === name));
    for (const arm of missing.filter(({ name }) => options.only?.includes(name) ?? true)) {
      results.push(await newResult(arm, options, kept, texts));
      onAdded();
    }
  };

  results.push(keptResult(BASE, options, kept) ?? (await measured(BASE, null, options, kept, texts)));
  await add(rates, () => write(bestOf(results).arm));
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
  await add(techniques(budget, learningRate, await nearest(options, texts)), () => write(control));
  write(control);
  return kept;
}

function checkNames(only: readonly string[] | null, names: readonly string[]): void {
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

const fileOf = (name: string, kept: string) => path.join(kept, `${name}.json`);

function readResult(name: string, kept: string): ArmResult | null {
  const file = fileOf(name, kept);
  return fs.existsSync(file) ? ArmResult.parse(JSON.parse(fs.readFileSync(file, "utf8"))) : null;
}

function keptResult(arm: ArmOrBase, options: AblateOptions, kept: string): ArmResult | null {
  const result = readResult(arm.name, kept);
  return result?.sha256 === hashOf(arm, options) ? result : null;
}

/** In the order of these names. A result of other data or settings stays, marked, until its arm is trained anew. */
const tableRows = (names: readonly string[], current: readonly ArmResult[], kept: string): TableRow[] =>
  names.flatMap((name) => {
    const now = current.find(({ arm }) => arm === name);
    const result = now ?? readResult(name, kept);
    return result ? [{ ...result, isEarlier: now === undefined }] : [];
  });

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
  writeAtomically(fileOf(arm.name, kept), `${JSON.stringify(result)}\n`);
  addOrigin(arm, options, kept);
  return result;
}

/** For people: what the arms come from, beside their results. */
function addOrigin(arm: ArmOrBase, options: AblateOptions, kept: string): void {
  const file = path.join(kept, "manifest.json");
  const others: unknown = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
  const manifest = Object.assign({}, others, { [arm.name]: originOf(arm, options) });
  writeAtomically(file, `${JSON.stringify(manifest, null, 2)}\n`);
}

const rounded = (losses: Measured["losses"]) =>
  losses.map(({ loss, tokens }) => ({ loss: Number(loss.toFixed(3)), tokens }));

/** The other domain whose adapter loses least on this one's rows; null: there is none for this base model. */
async function nearest({ folder, base }: AblateOptions, { own }: ToMeasure): Promise<AdapterFile | null> {
  let best: { file: AdapterFile; loss: number } | null = null;
  const rows = own.rows.slice(0, NEIGHBOUR_ROWS);
  const nothing = { systemPrompt: "", rows: [] };
  for (const other of adapterFolders(path.dirname(folder)).filter((each) => each !== folder)) {
    const version = await readVersion(other, null, base).catch(() => null);
    if (version?.card.base.sha256 !== base.sha256) continue;
    const texts = { own: { ...own, rows }, labelTask: null, general: nothing, otherDomains: new Map() };
    const loss = meanLoss((await measureSide(base.path, version.file, texts, () => undefined)).losses);
    if (best === null || loss < best.loss) best = { file: version.file, loss };
  }
  return best?.file ?? null;
}
