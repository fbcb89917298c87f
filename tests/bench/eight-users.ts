import { samplingFor, withEngine } from "./bench-engine.ts";
import {
  adapterNamed,
  type BenchAdapter,
  type Context,
  type Measurement,
  shippedAdapters,
} from "./context.ts";
import { LlamaServer } from "./peer/llama-server.ts";
import { makePrompts, type Prompt } from "./prompts.ts";
import { type Pair, REPEATS, sideBySide } from "./side-by-side.ts";
import { figure, meanOf } from "./statistics.ts";
import { firstTokenMs, type Streamed, streamFrom, totalMs, totalSpeed } from "./streamed.ts";

const USERS = 8;
const PROMPT_TOKENS = 100;
const ANSWER_TOKENS = 64;

/** `sameAdapter`: eight people through one adapter. */
export const sameAdapter: Measurement = {
  units: { sameAdapter: "ratio" },
  needsPeer: true,
  measure: async (context) => {
    const runs = await againstLlamaServer(context, [adapterNamed(context, "support")]);
    return { sameAdapter: figure(runs.map(speedRatio), 1.05, "higher") };
  },
};

/** `mixedAdapters`, `mixedFirstToken`, `mixedFairness`: eight people over four adapters, who come in turns. */
export const mixedAdapters: Measurement = {
  units: { mixedAdapters: "ratio", mixedFirstToken: "ratio", mixedFairness: "ratio" },
  needsPeer: true,
  measure: async (context) => {
    const runs = await againstLlamaServer(context, shippedAdapters(context));
    const waits = runs.map(({ ours, theirs }) => firstTokens(ours) / firstTokens(theirs));
    return {
      mixedAdapters: figure(runs.map(speedRatio), 1.15, "higher"),
      mixedFirstToken: figure(waits, 0.6, "lower"),
      mixedFairness: figure(
        runs.map(({ ours }) => slowestOverFastest(ours)),
        1.3,
        "lower",
      ),
    };
  },
};

type Run = Pair<Streamed[], Streamed[]>;

async function againstLlamaServer(context: Context, adapters: BenchAdapter[]): Promise<Run[]> {
  const { base, threads, config, note } = context;
  const prompts = await makePrompts(base.path, USERS * (REPEATS + 1), PROMPT_TOKENS);
  const server = await LlamaServer.start(await context.peer(), {
    modelPath: base.path,
    threads,
    slots: USERS,
    contextSize: config.contextSize,
    adapters: adapters.map(({ file }) => file.path),
    note,
  });
  try {
    return await withEngine(context, { threads, gpu: "off", sequences: USERS }, async (engine) => {
      // Both sides have loaded their adapters before anybody asks.
      for (const { file, prompt } of adapters) await engine.plug(file, prompt.text);
      const sampling = samplingFor(ANSWER_TOKENS);
      const everybody = (ask: (user: number, prompt: Prompt) => Promise<Streamed>, repeat: number) =>
        Promise.all(
          prompts.slice(repeat * USERS, (repeat + 1) * USERS).map((prompt, user) => ask(user, prompt)),
        );
      const seedOf = (user: number, repeat: number) => repeat * USERS + user;
      const askEngine = (repeat: number) =>
        everybody((user, { messages }) => {
          const adapter = adapters[user % adapters.length]?.file ?? null;
          const seed = seedOf(user, repeat);
          return streamFrom(engine, { messages, adapter, sampling, seed, user: `${user}`, ignoreEnd: true });
        }, repeat);
      const askServer = (repeat: number) =>
        everybody(
          (user, { tokens: prompt }) =>
            server.complete({
              prompt,
              adapter: user % adapters.length,
              sampling,
              seed: seedOf(user, repeat),
            }),
          repeat,
        );
      return sideBySide({ ours: askEngine, theirs: askServer }, ({ ours, theirs }, label) => {
        note(`${label}: engine ${described(ours)}`);
        note(`${label}: llama-server ${described(theirs)}`);
      });
    });
  } finally {
    await server.close();
  }
}

const speedRatio = ({ ours, theirs }: Run): number => totalSpeed(ours) / totalSpeed(theirs);
const firstTokens = (streams: Streamed[]): number => meanOf(streams.map(firstTokenMs));

function slowestOverFastest(streams: Streamed[]): number {
  const times = streams.map(totalMs);
  return Math.max(...times) / Math.min(...times);
}

function described(streams: Streamed[]): string {
  const tokens = streams.reduce((sum, stream) => sum + stream.tokens, 0);
  const first = `first token after ${firstTokens(streams).toFixed(0)} ms in the mean`;
  const fairness = `slowest / fastest ${slowestOverFastest(streams).toFixed(2)}`;
  return `${totalSpeed(streams).toFixed(1)} tok/s (${tokens} tokens), ${first}, ${fairness}`;
}
