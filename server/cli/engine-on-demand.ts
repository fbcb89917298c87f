import { type Config, engineSettings } from "../config.ts";
import { LocalEngine } from "../engines/index.ts";
import type { BaseModel } from "../models/index.ts";
import type { Progress } from "./output.ts";

/** An engine for commands that may need one: started at the first call, closed when `use` is over. */
export async function withEngineOnDemand<T>(
  config: Config,
  base: BaseModel,
  progress: Progress,
  use: (engine: () => Promise<LocalEngine>) => Promise<T>,
): Promise<T> {
  const started: LocalEngine[] = [];
  try {
    return await use(async () => {
      const engine =
        started[0] ??
        new LocalEngine({
          ...engineSettings(config),
          modelPath: base.path,
          modelSha256: base.sha256,
          onLoading: (share) => progress.show("loading the model", share),
          onLog: () => undefined,
        });
      started[0] = engine;
      await engine.ready();
      return engine;
    });
  } finally {
    await started[0]?.close();
  }
}
