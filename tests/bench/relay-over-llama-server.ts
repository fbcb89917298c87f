import fs from "node:fs";
import path from "node:path";
import { samplingFor } from "./bench-engine.ts";
import type { Context, Measurement } from "./context.ts";
import { withFolder } from "./folder.ts";
import { streamCompletion } from "./over-v1.ts";
import { LlamaServer } from "./peer/llama-server.ts";
import { mixedQuestions } from "./questions.ts";
import { breathe, REPEATS, rest } from "./side-by-side.ts";
import { figure, medianOf } from "./statistics.ts";
import { firstTokenMs, type Streamed, totalSpeed } from "./streamed.ts";
import { WholeServer } from "./whole-server.ts";

/** Questions asked one after the other over either way; then streams at once. */
const ALONE = 8;
const STREAMS = 8;
const FIRST_TOKENS = 8;
const ANSWER_TOKENS = 64;

/** Nothing of a prompt comes from a cache, and all answers are of the same length, on both ways. */
const EVEN = { cache_prompt: false, ignore_eos: true };

/**
 * `v1RelayFirstTokenMs`: how much later, routing apart, the first token comes from /v1 with a llama-server behind than
 * from that llama-server asked directly; `v1RelayThroughput`: total tokens a second of eight streams, one over the other,
 * with a thread of llama-server on each core; `v1RelayThroughputCoreLeft`: with one core left to the relay.
 */
export const relayOverLlamaServer: Measurement = {
  units: { v1RelayFirstTokenMs: "ms", v1RelayThroughput: "ratio", v1RelayThroughputCoreLeft: "ratio" },
  needsPeer: true,
  measure: async (context) => {
    const runs = await repeatedly(context, async (ways, questions, turn) => ({
      addedMs: await firstTokenAdded(context, ways, questions.slice(0, ALONE), turn),
      throughput: await speedRatio(context, ways, questions.slice(ALONE), turn),
    }));
    const threads = Math.max(1, context.threads - 1);
    const coreLeft = await repeatedly({ ...context, threads }, (ways, questions, turn) =>
      speedRatio(context, ways, questions.slice(ALONE), turn),
    );
    return {
      v1RelayFirstTokenMs: figure(
        runs.map(({ addedMs }) => addedMs),
        10,
        "lower",
      ),
      v1RelayThroughput: figure(
        runs.map(({ throughput }) => throughput),
        0.95,
        "higher",
      ),
      v1RelayThroughputCoreLeft: figure(coreLeft, 0.95, "higher"),
    };
  },
};

interface Ways {
  relay: string;
  direct: string;
}

interface Turn {
  label: string;
  relayFirst: boolean;
}

type Measure<T> = (ways: Ways, questions: string[], turn: Turn) => Promise<T>;

const repeatedly = <T>(context: Context, measure: Measure<T>): Promise<T[]> =>
  withFolder((folder) => inFolder(context, folder, measure));

async function inFolder<T>(context: Context, folder: string, measure: Measure<T>): Promise<T[]> {
  const { base, threads, config, note } = context;
  const llama = await LlamaServer.start(await context.peer(), {
    modelPath: base.path,
    threads,
    slots: STREAMS,
    contextSize: config.contextSize,
    adapters: [],
    note,
  });
  try {
    const engines = path.join(folder, "engines.json");
    const behind = { type: "llama-server", baseURL: `${llama.url}/v1`, params: EVEN };
    fs.writeFileSync(engines, JSON.stringify({ engines: { behind }, order: { default: ["behind"] } }));
    const server = await WholeServer.start(path.join(folder, "data"), { PATCHBAY_ENGINES: engines });
    try {
      return await withBoth(context, { relay: `${server.url}/v1`, direct: `${llama.url}/v1` }, measure);
    } finally {
      await server.close();
    }
  } finally {
    await llama.close();
  }
}

/** The first run warms both ways up and does not count. */
async function withBoth<T>(context: Context, ways: Ways, measure: Measure<T>): Promise<T[]> {
  const asked = mixedQuestions(context, (ALONE + STREAMS) * (REPEATS + 1));
  const runs: T[] = [];
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const questions = asked.slice(repeat * (ALONE + STREAMS), (repeat + 1) * (ALONE + STREAMS));
    const label = repeat === 0 ? "warm-up" : `${repeat} of ${REPEATS}`;
    const run = await measure(ways, questions, { label, relayFirst: repeat % 2 === 0 });
    if (repeat > 0) runs.push(run);
  }
  return runs;
}

/** Each question both ways, in turns of who goes first. */
async function firstTokenAdded(
  context: Context,
  ways: Ways,
  questions: string[],
  { label }: Turn,
): Promise<number> {
  const added: number[] = [];
  const direct: number[] = [];
  const routing: number[] = [];
  await rest();
  for (const [index, question] of questions.entries()) {
    const asked = await inTurns(
      () => breathe().then(() => askRelay(ways, question, FIRST_TOKENS, index)),
      () => breathe().then(() => askDirect(context, ways, question, FIRST_TOKENS, index)),
      index % 2 === 0,
    );
    added.push(firstTokenMs(asked.relay) - asked.relay.routeMs - firstTokenMs(asked.direct));
    direct.push(firstTokenMs(asked.direct));
    routing.push(asked.relay.routeMs);
  }
  context.note(
    `${label}: first token ${medianOf(direct).toFixed(0)} ms directly, ${medianOf(added).toFixed(1)} ms more by way of Patchbay (${added.map((ms) => ms.toFixed(0)).join(" ")}), and ${medianOf(routing).toFixed(1)} ms of routing`,
  );
  return medianOf(added);
}

async function speedRatio(
  context: Context,
  ways: Ways,
  questions: string[],
  { label, relayFirst }: Turn,
): Promise<number> {
  const all = (ask: (question: string, seed: number) => Promise<Streamed>) => async () => {
    await rest();
    return totalSpeed(await Promise.all(questions.map(ask)));
  };
  const speeds = await inTurns(
    all((question, seed) => askRelay(ways, question, ANSWER_TOKENS, seed)),
    all((question, seed) => askDirect(context, ways, question, ANSWER_TOKENS, seed)),
    relayFirst,
  );
  const ratio = speeds.relay / speeds.direct;
  context.note(
    `${label}: ${STREAMS} streams ${speeds.relay.toFixed(1)} tok/s by way of Patchbay, ${speeds.direct.toFixed(1)} tok/s directly, ratio ${ratio.toFixed(3)}`,
  );
  return ratio;
}

async function inTurns<Relay, Direct>(
  relay: () => Promise<Relay>,
  direct: () => Promise<Direct>,
  relayFirst: boolean,
): Promise<{ relay: Relay; direct: Direct }> {
  if (relayFirst) return { relay: await relay(), direct: await direct() };
  const asked = { direct: await direct() };
  return { ...asked, relay: await relay() };
}

const askRelay = ({ relay }: Ways, question: string, tokens: number, seed: number) =>
  streamCompletion(relay, {
    model: "base",
    messages: [{ role: "user", content: question }],
    seed,
    ...fieldsFor(tokens),
  });

const askDirect = (
  { basePrompt }: Context,
  { direct }: Ways,
  question: string,
  tokens: number,
  seed: number,
) =>
  streamCompletion(direct, {
    messages: [
      { role: "system", content: basePrompt },
      { role: "user", content: question },
    ],
    seed,
    ...fieldsFor(tokens),
    ...EVEN,
  });

function fieldsFor(tokens: number) {
  const { temperature, topP, topK, minP, repeatPenalty, maxTokens } = samplingFor(tokens);
  return {
    temperature,
    top_p: topP,
    top_k: topK,
    min_p: minP,
    repeat_penalty: repeatPenalty,
    max_tokens: maxTokens,
  };
}
