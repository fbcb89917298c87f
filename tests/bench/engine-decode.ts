import { type ChildProcess, fork } from "node:child_process";
import os from "node:os";
import path from "node:path";
import type { BareRun, FromBare, ToBare } from "./bare-loop.ts";
import { decodeSpeedOf, withEngine } from "./bench-engine.ts";
import type { Context, Measurement } from "./context.ts";
import { nextMessage } from "./next-message.ts";
import { makePrompts, type Prompt } from "./prompts.ts";
import { REPEATS, sideBySide } from "./side-by-side.ts";
import { figure } from "./statistics.ts";

const PROMPT_TOKENS = 100;
const TOKENS = 192;

const cores = os.availableParallelism();

/** With a core left for the server process, as beside any other busy program. */
export const decodeBesideServer: Measurement = {
  units: { engineDecode: "ratio" },
  needsPeer: false,
  measure: async (context) => ({
    engineDecode: figure(await ratios(context, Math.max(1, cores - 1)), 0.95, "higher"),
  }),
};

/** With a thread on every core, as on an idle machine: the server process has to push one of them aside. */
export const decodeOnAllCores: Measurement = {
  units: { engineDecodeAllCores: "ratio" },
  needsPeer: false,
  measure: async (context) => ({
    engineDecodeAllCores: figure(await ratios(context, cores), 0.95, "higher"),
  }),
};

/**
 * Decode speed of one stream through the whole engine (child process, step loop, detokenising, IPC) over
 * that of a bare evaluate loop with the same model, threads and pool size, in turns in one run.
 */
async function ratios(context: Context, threads: number): Promise<number[]> {
  const { base, config, note } = context;
  const prompts = await makePrompts(base.path, REPEATS + 1, PROMPT_TOKENS);
  const bare = fork(path.join(import.meta.dirname, "bare-loop.js"), {
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    execArgv: [],
  });
  try {
    await ask(bare, { type: "load", modelPath: base.path, threads, contextSize: config.contextSize });
    return await withEngine(context, { threads, gpu: "off" }, async (engine) => {
      const sides = {
        ours: (repeat: number) =>
          decodeSpeedOf(engine, prompts[repeat] as Prompt, { tokens: TOKENS, seed: repeat }),
        theirs: (repeat: number) => {
          const { tokens } = prompts[repeat] as Prompt;
          return decodeBare(bare, { prompt: tokens as BareRun["prompt"], tokens: TOKENS, seed: repeat });
        },
      };
      const pairs = await sideBySide(sides, ({ ours, theirs }, label) => {
        const speeds = `engine ${ours.toFixed(1)} tok/s, bare loop ${theirs.toFixed(1)} tok/s`;
        note(`${label}: ${speeds}, ratio ${(ours / theirs).toFixed(3)}`);
      });
      return pairs.map(({ ours, theirs }) => ours / theirs);
    });
  } finally {
    bare.disconnect();
  }
}

async function decodeBare(bare: ChildProcess, run: BareRun): Promise<number> {
  const reply = await ask(bare, { type: "run", ...run });
  return reply.type === "ran" ? reply.tokensPerSecond : Number.NaN;
}

function ask(child: ChildProcess, message: ToBare): Promise<FromBare> {
  const reply = nextMessage<FromBare>(child);
  child.send(message);
  return reply;
}
