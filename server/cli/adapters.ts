import fs from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { ulid } from "ulid";
import { type Config, packageRoot, readConfig } from "../config.ts";
import { defaultTrainConfig, type TrainConfig, type TrainerEvent, trainAdapter } from "../learning/index.ts";
import { resolveModel } from "../models/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { adapterFolders, readCards, readManifest } from "../registry/index.ts";
import { note, ProgressLine, printJson, printLine, table } from "./output.ts";

export function addAdapters(program: Command): void {
  const adapters = program.command("adapters").description("fine-tuned experts");
  adapters
    .command("list")
    .description("id, version, base model, size and held-out loss of each adapter")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay adapters list")
    .action((options: { json?: boolean }) => {
      const rows = adapterFolders(readConfig(process.env).adaptersDir).map(summary);
      if (options.json) printJson(rows);
      else
        printLine(table([["ID", "VERSION", "BASE", "SIZE", "LOSS BASE", "ADAPTER", ""], ...rows.map(cells)]));
    });
  adapters
    .command("train")
    .description("fine-tune an adapter on its folder's dataset and make the result its current version")
    .argument("<id>", "folder below adapters/")
    .option("--model <model>", "base model to train for")
    .option("--epochs <n>", "passes over the data", Number)
    .option("--learning-rate <rate>", "peak learning rate", Number)
    .option("--max-steps <n>", "stop after this many steps", Number)
    .option("--seed <n>", "seed of everything random", Number)
    .option("--json", "print one JSON value: the new version's card")
    .addHelpText("after", "\nExample:\n  $ npx patchbay adapters train support")
    .action(async (id: string, options: TrainFlags) => {
      const config = readConfig({ ...process.env, ...(options.model && { PATCHBAY_MODEL: options.model }) });
      const card = await train(id, config, trainConfig(options));
      if (options.json) return printJson(card);
      const { base, adapter } = card.heldOutLoss;
      printLine(
        `${id}@${card.ordinal}: held-out loss ${base.toFixed(3)} → ${adapter.toFixed(3)} (${percent(adapter / base - 1)})`,
      );
    });
}

interface TrainFlags {
  model?: string;
  epochs?: number;
  learningRate?: number;
  maxSteps?: number;
  seed?: number;
  json?: boolean;
}

function trainConfig(flags: TrainFlags): TrainConfig {
  const { epochs, learningRate, maxSteps, seed } = flags;
  for (const [name, value] of Object.entries({
    epochs,
    "learning-rate": learningRate,
    "max-steps": maxSteps,
    seed,
  }))
    if (value !== undefined && !(value > 0))
      throw new PatchbayError("bad-request", `--${name} needs a number above 0.`);
  return {
    ...defaultTrainConfig,
    ...(epochs !== undefined && { epochs }),
    ...(learningRate !== undefined && { learningRate }),
    ...(maxSteps !== undefined && { maxSteps }),
    ...(seed !== undefined && { seed }),
  };
}

async function train(id: string, config: Config, training: TrainConfig) {
  const folder = path.join(config.adaptersDir, id);
  if (!fs.existsSync(path.join(folder, "adapter.json"))) {
    const known = adapterFolders(config.adaptersDir).map((other) => path.basename(other));
    throw new PatchbayError("adapter-unknown", `There is no adapter "${id}".`, {
      hint: `There are: ${known.join(", ")}.`,
    });
  }
  const progress = new ProgressLine();
  const base = await resolveModel(config.model, config.cacheDir, (step, share) => progress.show(step, share));
  try {
    return await trainAdapter({
      folder,
      promptsDir: config.promptsDir,
      trainerDir: path.join(packageRoot, "adapters", "trainer"),
      runFolder: path.join(config.dataDir, "training", ulid()),
      cacheDir: config.cacheDir,
      base,
      config: training,
      onEvent: (event) => showEvent(progress, event),
      onLine: note,
    });
  } finally {
    progress.end();
  }
}

function showEvent(progress: ProgressLine, event: TrainerEvent): void {
  const line = lineFor(event);
  if (line) progress.show(...line);
  else progress.end();
}

/** What a trainer's event looks like to somebody who waits, with the share done; null at the end. */
function lineFor(event: TrainerEvent): [text: string, share: number | null] | null {
  switch (event.event) {
    case "loading":
      return ["loading PyTorch and the model", null];
    case "loaded":
      return [`training on ${event.device} with ${event.threads} threads, ${event.dtype}`, null];
    case "evaluated":
      return [`held-out loss of the ${event.which} ${event.loss.toFixed(3)} (${event.rows} rows)`, null];
    case "step": {
      const pace = `${Math.round(event.tokensPerSecond)} tok/s, ${duration(event.etaSeconds)} left`;
      return [
        `step ${event.step} of ${event.steps}, loss ${event.loss.toFixed(3)}, ${pace}`,
        event.step / event.steps,
      ];
    }
    case "saved":
    case "stopped":
    case "failed":
      return null;
    default:
      return event satisfies never;
  }
}

function summary(folder: string) {
  const id = path.basename(folder);
  try {
    const { current } = readManifest(folder);
    const card = readCards(folder).find((version) => version.ordinal === current);
    if (!card) return { id, version: null, problem: `not trained yet: npx patchbay adapters train ${id}` };
    const { sha256, bytes, base, heldOutLoss } = card;
    return { id, version: `${id}@${card.ordinal}`, sha256, bytes, base, heldOutLoss };
  } catch (error) {
    return { id, version: null, problem: error instanceof Error ? error.message : String(error) };
  }
}

function cells(row: ReturnType<typeof summary>): string[] {
  if (!row.heldOutLoss) return [row.id, "–", "–", "–", "–", "–", row.problem ?? ""];
  const { base, adapter } = row.heldOutLoss;
  const change = percent(adapter / base - 1);
  return [
    row.id,
    row.version,
    row.base.name,
    `${(row.bytes / 1e6).toFixed(1)} MB`,
    base.toFixed(3),
    adapter.toFixed(3),
    change,
  ];
}

const percent = (share: number): string => `${share > 0 ? "+" : "−"}${Math.abs(share * 100).toFixed(1)}%`;
const duration = (seconds: number): string =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
