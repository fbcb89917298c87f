import fs from "node:fs";
import path from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ulid } from "ulid";
import { type Config, configForModel, packageRoot } from "../config.ts";
import { defaultTrainConfig, type TrainConfig, type TrainerEvent, trainAdapter } from "../learning/index.ts";
import { resolveModel } from "../models/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { adapterFolder } from "../registry/index.ts";
import { withEngineOnDemand } from "./engine-on-demand.ts";
import { note, ProgressLine, printJson, printLine, signedPercent } from "./output.ts";

interface TrainFlags
  extends Pick<
    TrainConfig,
    "epochs" | "learningRate" | "seed" | "tasks" | "scope" | "augment" | "curriculum" | "replay"
  > {
  maxSteps?: number;
  maxTokens?: number;
  from?: string;
  model?: string;
  resume?: boolean;
  json?: boolean;
}

const { epochs, learningRate, seed, tasks, scope, curriculum, replay } = defaultTrainConfig;

export function addTrain(adapters: Command): void {
  adapters
    .command("train")
    .description("fine-tune an adapter on its folder's dataset and make the result its current version")
    .argument("<id>", "folder below adapters/")
    .option("--model <model>", "base model to train for")
    .option("--epochs <n>", "passes over the data", positive, epochs)
    .option("--learning-rate <rate>", "peak learning rate", positive, learningRate)
    .option("--max-steps <n>", "stop after this many steps", positive)
    .option("--max-tokens <n>", "stop after this many training tokens", positive)
    .option("--seed <n>", "seed of everything random", positive, seed)
    .addOption(
      new Option("--tasks <tasks>", "what is taught").choices(["answers", "answers+labels"]).default(tasks),
    )
    .addOption(
      new Option("--scope <scope>", "whose conversations are learnt from")
        .choices(["own", "all"])
        .default(scope),
    )
    .option("--augment", "learn each row in a second wording too", false)
    .addOption(
      new Option("--curriculum <order>", "order of the batches")
        .choices(["shuffled", "short-first"])
        .default(curriculum),
    )
    .option("--from <version>", "start from this adapter's weights, such as support@1")
    .option("--replay <share>", "general rows beside the domain's, as a share of them", share, replay)
    .option("--resume", "go on with this adapter's last run that was stopped, with that run's settings")
    .option("--json", "print one JSON value: the new version's card")
    .addHelpText("after", "\nExample:\n  $ npx patchbay adapters train support")
    .action(async (id: string, options: TrainFlags) => {
      const config = configForModel(options.model);
      const card = await train(id, config, options);
      if (options.json) return printJson(card);
      const { base, adapter } = card.heldOutLoss;
      printLine(
        `${id}@${card.ordinal}: held-out loss ${base.toFixed(3)} → ${adapter.toFixed(3)} (${signedPercent(adapter / base - 1)})`,
      );
      printLine(`Next: npx patchbay adapters eval ${id}`);
    });
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It needs a number above 0.");
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError("It needs a share from 0 to 1.");
  return value;
}

async function train(id: string, config: Config, flags: TrainFlags) {
  const folder = adapterFolder(config.adaptersDir, id);
  const runs = path.join(config.dataDir, "training");
  const stopped = flags.resume ? stoppedRun(runs, id) : null;
  const runFolder = stopped?.folder ?? path.join(runs, ulid());
  const progress = new ProgressLine();
  const base = await resolveModel(config.model, config.cacheDir, (step, done) => progress.show(step, done));
  try {
    return await withEngineOnDemand(config, base, progress, (engine) =>
      trainAdapter({
        folder,
        promptsDir: config.promptsDir,
        trainerDir: path.join(packageRoot, "adapters", "trainer"),
        runFolder,
        cacheDir: config.cacheDir,
        base,
        config: stopped?.config ?? configFrom(flags),
        engine,
        onEvent: (event) => showEvent(progress, event),
        onLine: note,
      }),
    );
  } catch (error) {
    if (isStopped(runFolder)) note(`Go on with: npx patchbay adapters train ${id} --resume`);
    throw error;
  } finally {
    progress.end();
  }
}

function configFrom(flags: TrainFlags): TrainConfig {
  const { epochs, learningRate, seed, tasks, scope, augment, curriculum, maxSteps, maxTokens, from, replay } =
    flags;
  return {
    ...defaultTrainConfig,
    ...{ epochs, learningRate, seed, tasks, scope, augment, curriculum, replay },
    ...{ maxSteps: maxSteps ?? null, maxTokens: maxTokens ?? null, from: from ?? null },
  };
}

/** Written by the trainer where a run was stopped: adapters/trainer/README.md. */
const CHECKPOINT = /^checkpoint-\d+\.pt$/;

const isStopped = (folder: string): boolean =>
  fs.existsSync(folder) && fs.readdirSync(folder).some((name) => CHECKPOINT.test(name));

/** The newest run of this adapter that was stopped. @throws {PatchbayError} `bad-request` where there is none */
function stoppedRun(runs: string, id: string): { folder: string; config: TrainConfig } {
  const names = fs.existsSync(runs) ? fs.readdirSync(runs).sort().reverse() : [];
  for (const name of names) {
    const folder = path.join(runs, name);
    if (!isStopped(folder)) continue;
    const run = JSON.parse(fs.readFileSync(path.join(folder, "run.json"), "utf8"));
    if (run.adapter === id) return { folder, config: run.config };
  }
  throw new PatchbayError("bad-request", `No run of ${id} was stopped.`, {
    hint: `Start one with: npx patchbay adapters train ${id}`,
  });
}

export function showEvent(progress: ProgressLine, event: TrainerEvent): void {
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
    case "resumed":
      return [`going on after step ${event.step}`, null];
    case "parity-reference":
      return [
        `computed what ${event.rows} held-out rows should give, to compare with the served model`,
        null,
      ];
    case "saved":
    case "stopped":
    case "failed":
      return null;
    default:
      return event satisfies never;
  }
}

const duration = (seconds: number): string =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
