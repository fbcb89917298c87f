import fs from "node:fs";
import path from "node:path";
import { packageRoot, readConfig } from "../../server/config.ts";
import { defaultTrainConfig, trainAdapter } from "../../server/learning/index.ts";
import { resolveModel } from "../../server/models/index.ts";

/*
 * A training in a process of its own, of a copy of an adapter's folder, on and on until it is ended (SIGTERM). The
 * arguments are the adapter's id and an empty folder; reports each step.
 */

export type FromTraining = { note: string } | { step: number } | { failed: string };

/** Longer than anybody measures. */
const EPOCHS = 1_000;

const send = (message: FromTraining): void => {
  if (process.connected) process.send?.(message);
};

const [adapterId = "", folder = ""] = process.argv.slice(2);
const config = readConfig(process.env);
const copy = path.join(folder, adapterId);
// Whoever wanted the training is gone.
const stop = () => process.kill(process.pid, "SIGTERM");
process.once("disconnect", stop);
try {
  fs.cpSync(path.join(config.adaptersDir, adapterId), copy, { recursive: true });
  await trainAdapter({
    folder: copy,
    promptsDir: config.promptsDir,
    trainerDir: path.join(packageRoot, "adapters", "trainer"),
    runFolder: path.join(folder, "run"),
    cacheDir: config.cacheDir,
    base: await resolveModel(config.model, config.cacheDir, () => undefined),
    config: { ...defaultTrainConfig, epochs: EPOCHS },
    engine: () => Promise.reject(new Error("nothing is replayed here")),
    onEvent: (event) => {
      if (event.event === "step") send({ step: event.step });
    },
    onLine: (note) => send({ note }),
  });
} catch (error) {
  send({ failed: error instanceof Error ? error.message : String(error) });
}
process.off("disconnect", stop);
if (process.connected) process.disconnect?.();
