import { engineSettings, readConfig } from "../../server/config.ts";
import { type AdapterFile, LocalEngine, type LocalEngineOptions } from "../../server/engines/index.ts";
import { resolveModel } from "../../server/models/index.ts";
import { Registry } from "../../server/registry/index.ts";

export const config = readConfig({ ...process.env, PATCHBAY_GPU: "off" });

/** The real engine with the default model, on the processor; whoever starts it closes it. */
export async function startEngine(options: Partial<LocalEngineOptions> = {}): Promise<LocalEngine> {
  const base = await resolveModel(undefined, config.cacheDir, () => undefined);
  return new LocalEngine({
    ...engineSettings(config),
    modelPath: base.path,
    modelSha256: base.sha256,
    contextSize: 1024,
    sequences: 2,
    onLoading: () => undefined,
    onLog: () => undefined,
    ...options,
  });
}

/** The shipped adapters' files by id. */
export async function shippedAdapters(): Promise<Map<string, AdapterFile>> {
  const base = await resolveModel(undefined, config.cacheDir, () => undefined);
  const registry = await Registry.open(config, base.sha256);
  return new Map(
    [...registry.adapters].flatMap(([id, { version }]) => (version ? [[id, version.file] as const] : [])),
  );
}
