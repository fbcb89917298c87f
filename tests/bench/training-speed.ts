import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { packageRoot } from "../../server/config.ts";
import { defaultTrainConfig, prepareRun } from "../../server/learning/index.ts";
import type { Context, Measurement } from "./context.ts";
import { withFolder } from "./folder.ts";
import type { Figure } from "./statistics.ts";

const GOAL = 0.95;

const Spread = z.object({ median: z.number(), low: z.number(), high: z.number() });

/** What adapters/trainer/bench_speed.py prints: tokens a second, and ours over a bare loop of each turn. */
const Speeds = z.object({ ours: Spread, bare: Spread, ratio: Spread });

/** `trainingSpeed`: our trainer on the support rows, over a hand-written PyTorch loop on the same batches, in turns. */
export const trainingSpeed: Measurement = {
  units: { trainingSpeed: "ratio" },
  needsPeer: false,
  measure: async (context) => ({ trainingSpeed: await withFolder((folder) => ratio(context, folder)) }),
};

async function ratio({ config, base, threads, note }: Context, runFolder: string): Promise<Figure> {
  const trainerDir = path.join(packageRoot, "adapters", "trainer");
  const { python } = await prepareRun({
    folder: path.join(config.adaptersDir, "support"),
    promptsDir: config.promptsDir,
    trainerDir,
    runFolder,
    cacheDir: config.cacheDir,
    base,
    config: { ...defaultTrainConfig, tasks: "answers", threads },
    engine: () => Promise.reject(new Error("nothing is replayed here")),
    onLine: note,
  });
  note("training the first batches in turns (PyTorch takes a while to load)");
  const { stdout } = await promisify(execFile)(python, [path.join(trainerDir, "bench_speed.py"), runFolder], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const speeds = Speeds.parse(JSON.parse(stdout));
  note(`ours ${shown(speeds.ours)} tok/s, bare ${shown(speeds.bare)} tok/s`);
  return { ...speeds.ratio, goal: GOAL, met: speeds.ratio.median >= GOAL };
}

const shown = ({ median, low, high }: z.infer<typeof Spread>): string =>
  `${Math.round(median)} (${Math.round(low)} to ${Math.round(high)})`;
