import path from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { configForModel, packageRoot } from "../config.ts";
import { ablate } from "../learning/index.ts";
import { resolveModel } from "../models/index.ts";
import { adapterFolder } from "../registry/index.ts";
import { withEngineOnDemand } from "./engine-on-demand.ts";
import { note, ProgressLine, printJson, printLine } from "./output.ts";
import { showEvent } from "./training-progress.ts";

interface AblateFlags {
  budget: number;
  seed: number;
  only?: string[];
  model?: string;
  json?: boolean;
}

/** About four minutes an arm on two cores. */
const BUDGET = 120_000;

export function addAblate(adapters: Command): void {
  adapters
    .command("ablate")
    .description("train one arm for each learning rate and technique on equal budgets, and compare them")
    .argument("<id>", "folder below adapters/")
    .option("--budget <tokens>", "training tokens of each arm", wholeNumber, BUDGET)
    .option("--seed <n>", "seed of everything random", wholeNumber, 1)
    .option("--only <arms>", "train these alone, such as lr-5e-4,replay", (text) => text.split(","))
    .option("--model <model>", "base model to train for")
    .option("--json", "print one JSON value: where the results are")
    .addHelpText(
      "after",
      "\nStopped, it goes on where it was when it is started again.\n\nExample:\n  $ npx patchbay adapters ablate health",
    )
    .action(async (id: string, { budget, seed, only, model, json }: AblateFlags) => {
      const config = configForModel(model);
      const progress = new ProgressLine();
      const base = await resolveModel(config.model, config.cacheDir, (step, done) =>
        progress.show(step, done),
      );
      try {
        const results = await withEngineOnDemand(config, base, progress, (engine) =>
          ablate({
            folder: adapterFolder(config.adaptersDir, id),
            promptsDir: config.promptsDir,
            trainerDir: path.join(packageRoot, "adapters", "trainer"),
            runsDir: path.join(config.dataDir, "training"),
            cacheDir: config.cacheDir,
            base,
            budget: { tokens: budget, seed },
            only: only ?? null,
            engine,
            onEvent: (event) => showEvent(progress, event),
            onLine: note,
            onStep: (text, share) => progress.show(text, share),
          }),
        );
        if (json) printJson({ results });
        else printLine(path.join(results, "README.md"));
      } finally {
        progress.end();
      }
    });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError("It needs a whole number above 0.");
  return value;
}
