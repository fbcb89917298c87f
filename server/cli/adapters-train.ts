import { type Command, InvalidArgumentError, Option } from "commander";
import { configForModel } from "../config.ts";
import { defaultTrainConfig, type TrainConfig } from "../learning/index.ts";
import type { VersionCard } from "../registry/index.ts";
import { ProgressLine, printJson, printLine, signedPercent } from "./output.ts";
import { trainAll } from "./train-all.ts";
import { trainOne } from "./train-one.ts";

interface TrainFlags
  extends Pick<
    TrainConfig,
    "epochs" | "learningRate" | "batchSize" | "seed" | "tasks" | "scope" | "augment" | "curriculum" | "replay"
  > {
  maxSteps?: number;
  maxTokens?: number;
  from?: string;
  model?: string;
  all?: boolean;
  resume?: boolean;
  json?: boolean;
}

const { epochs, learningRate, batchSize, seed, tasks, scope, curriculum, replay } = defaultTrainConfig;

export function addTrain(adapters: Command): void {
  adapters
    .command("train")
    .description("fine-tune an adapter on its folder's dataset and make the result its current version")
    .argument("[id]", "folder below adapters/")
    .option("--all", "train every folder in turn, and say at the end which of them failed")
    .option("--model <model>", "base model to train for")
    .option("--epochs <n>", "passes over the data", positive, epochs)
    .option("--learning-rate <rate>", "peak learning rate", positive, learningRate)
    .option("--batch-size <n>", "conversations in a batch", whole, batchSize)
    .option("--max-steps <n>", "stop after this many steps", whole)
    .option("--max-tokens <n>", "stop after this many training tokens", whole)
    .option("--seed <n>", "seed of everything random", whole, seed)
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
    .option("--json", "print one JSON value: the new version's card, with --all those of all")
    .addHelpText(
      "after",
      "\nExamples:\n  $ npx patchbay adapters train support\n  $ npx patchbay adapters train --all --model my-model.gguf",
    )
    .action(async (id: string | undefined, flags: TrainFlags, command: Command) => {
      if ((id === undefined) !== (flags.all === true))
        command.error("error: name one adapter, or give --all", { exitCode: 2 });
      if (flags.all && flags.resume)
        command.error("error: --resume needs the adapter whose run was stopped", { exitCode: 2 });
      const config = configForModel(flags.model);
      const settings = configFrom(flags);
      const progress = new ProgressLine();
      try {
        if (id === undefined) {
          const outcome = await trainAll(config, settings, progress);
          if (flags.json) printJson(outcome);
          else printOutcome(outcome);
          if (outcome.failed.length > 0) process.exitCode = 1;
          return;
        }
        const card = await trainOne({ id, config, settings: flags.resume ? null : settings, progress });
        if (flags.json) return printJson(card);
        printTrained(id, card);
        printLine(`Next: npx patchbay adapters eval ${id}`);
      } finally {
        progress.end();
      }
    });
}

function printTrained(id: string, { ordinal, base, heldOutLoss }: VersionCard): void {
  const { base: before, adapter: after } = heldOutLoss;
  printLine(
    `${id}@${ordinal} for ${base.name}: held-out loss ${before.toFixed(3)} → ${after.toFixed(3)} (${signedPercent(after / before - 1)})`,
  );
}

function printOutcome({ trained, failed }: Awaited<ReturnType<typeof trainAll>>): void {
  for (const { id, card } of trained) printTrained(id, card);
  for (const { id, error } of failed) printLine(`${id} failed: ${error.message} (${error.code})`);
  printLine(`${trained.length} of ${trained.length + failed.length} trained`);
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It needs a number above 0.");
  return value;
}

function whole(text: string): number {
  const value = positive(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError("It needs a whole number above 0.");
  return value;
}

function share(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError("It needs a share from 0 to 1.");
  return value;
}

function configFrom(flags: TrainFlags): TrainConfig {
  const { epochs, learningRate, batchSize, seed, tasks, scope, augment, curriculum, replay } = flags;
  const { maxSteps, maxTokens, from } = flags;
  return {
    ...defaultTrainConfig,
    ...{ epochs, learningRate, batchSize, seed, tasks, scope, augment, curriculum, replay },
    ...{ maxSteps: maxSteps ?? null, maxTokens: maxTokens ?? null, from: from ?? null },
  };
}
