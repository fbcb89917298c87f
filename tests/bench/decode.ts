import { decodeSpeedOf, samplingFor, withEngine } from "./bench-engine.ts";
import type { Context, Measurement } from "./context.ts";
import { benchSpeed, completionSpeed } from "./peer/single-stream.ts";
import { makePrompts, type Prompt } from "./prompts.ts";
import { REPEATS, sideBySide } from "./side-by-side.ts";
import { figure } from "./statistics.ts";

const PROMPT_TOKENS = 100;
const TOKENS = 192;

/** `decode`: one stream through the whole engine over llama.cpp's plain C++ loop. */
export const decode: Measurement = {
  units: { decode: "ratio" },
  needsPeer: true,
  measure: async (context) => ({ decode: figure(await ratios(context), 0.95, "higher") }),
};

async function ratios(context: Context): Promise<number[]> {
  const { base, threads, config, note } = context;
  const peer = await context.peer();
  const single = { modelPath: base.path, threads, contextSize: config.contextSize };
  const prompts = await makePrompts(base.path, REPEATS + 1, PROMPT_TOKENS);
  const sampling = samplingFor(TOKENS);
  note(`llama-bench: ${(await benchSpeed(peer, single, TOKENS)).toFixed(1)} tok/s`);
  return withEngine(context, { threads, gpu: "off" }, async (engine) => {
    const sides = {
      ours: (repeat: number) =>
        decodeSpeedOf(engine, prompts[repeat] as Prompt, { tokens: TOKENS, seed: repeat }),
      theirs: (repeat: number) =>
        completionSpeed(peer, single, { prompt: prompts[repeat] as Prompt, sampling, seed: repeat }),
    };
    const pairs = await sideBySide(sides, ({ ours, theirs }, label) => {
      const speeds = `engine ${ours.toFixed(1)} tok/s, llama-completion ${theirs.toFixed(1)} tok/s`;
      note(`${label}: ${speeds}, ratio ${(ours / theirs).toFixed(3)}`);
    });
    return pairs.map(({ ours, theirs }) => ours / theirs);
  });
}
