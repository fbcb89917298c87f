import path from "node:path";
import { packageRoot } from "../../server/config.ts";
import { LocalEngine, type LocalEngineOptions, type Sampling } from "../../server/engines/index.ts";
import type { Context } from "./context.ts";

/** Opens an engine of its own, as the server would, and closes it whatever happens. */
export async function withEngine<T>(
  { config, base }: Context,
  overrides: Partial<LocalEngineOptions>,
  use: (engine: LocalEngine) => Promise<T>,
): Promise<T> {
  const { gpu, threads, contextSize, sequences, memoryMiB, maxWaiting, maxWaitMs } = config;
  const engine = new LocalEngine({
    workerPath: path.join(packageRoot, "dist/server/engines/local/worker.js"),
    modelPath: base.path,
    modelSha256: base.sha256,
    gpu,
    threads,
    contextSize,
    sequences,
    memoryMiB,
    maxWaiting,
    maxWaitMs,
    onLoading: () => undefined,
    onLog: () => undefined,
    ...overrides,
  });
  try {
    await engine.ready();
    return await use(engine);
  } finally {
    await engine.close();
  }
}

/** The sampling of every comparison. */
export const samplingFor = (maxTokens: number): Sampling => ({
  temperature: 0.7,
  topP: 1,
  topK: 40,
  minP: 0,
  repeatPenalty: 1,
  maxTokens,
});
