import { engineSettings } from "../../server/config.ts";
import { LocalEngine, type LocalEngineOptions, type Sampling } from "../../server/engines/index.ts";
import type { Context } from "./context.ts";
import type { Prompt } from "./prompts.ts";
import { decodeSpeed, streamFrom } from "./streamed.ts";

/** Opens an engine of its own, as the server would, and closes it whatever happens. */
export async function withEngine<T>(
  { config, base }: Context,
  overrides: Partial<LocalEngineOptions>,
  use: (engine: LocalEngine) => Promise<T>,
): Promise<T> {
  const engine = new LocalEngine({
    ...engineSettings(config),
    modelPath: base.path,
    modelSha256: base.sha256,
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

/** Decode speed of one stream through the whole engine, in tokens per second. */
export async function decodeSpeedOf(
  engine: LocalEngine,
  { messages }: Prompt,
  { tokens, seed }: { tokens: number; seed: number },
): Promise<number> {
  const sampling = samplingFor(tokens);
  return decodeSpeed(
    await streamFrom(engine, { messages, adapter: null, sampling, seed, user: "1", ignoreEnd: true }),
  );
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
