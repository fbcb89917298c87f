import { createRouter, loadHead, type Router } from "../../server/routing/index.ts";
import type { Context, Measurement } from "./context.ts";
import { withFolder } from "./folder.ts";
import { streamCompletion } from "./over-v1.ts";
import { mixedQuestions } from "./questions.ts";
import { breathe, pause, REPEATS, rest } from "./side-by-side.ts";
import { figure, medianOf, quantileOf } from "./statistics.ts";
import { WholeServer } from "./whole-server.ts";

/** New texts in each repeat: the embedder keeps what it was asked. */
const IDLE_DECISIONS = 55;
const BESIDE_DECISIONS = 10;
const STREAMS = 8;
/** Decisions by words in each repeat; they take no time to speak of. */
const WORD_DECISIONS = 400;

/**
 * `routeMs` and `routeP99Ms`: what a decision takes in the whole server while nobody else asks, embedding included;
 * `routeBesideStreamsMs`: the median while eight answers stream; `routeByWordsP99Ms`: without the encoder.
 */
export const routeTime: Measurement = {
  units: { routeMs: "ms", routeP99Ms: "ms", routeBesideStreamsMs: "ms", routeByWordsP99Ms: "ms" },
  needsPeer: false,
  measure: async (context) => ({
    ...(await withFolder((dataDir) => inServer(context, dataDir))),
    ...(await byWords(context)),
  }),
};

async function inServer(context: Context, dataDir: string) {
  const server = await WholeServer.start(dataDir);
  try {
    await untilItHearsMeaning(server.url);
    const questions = mixedQuestions(context, 1.2 * (REPEATS + 1) * (IDLE_DECISIONS + BESIDE_DECISIONS));
    // Domains have unequally many.
    const asked = questions.filter((question) => question !== "");
    const next = () => asked.shift() ?? "";
    const medians: number[] = [];
    const p99s: number[] = [];
    const beside: number[] = [];
    for (let repeat = 0; repeat <= REPEATS; repeat++) {
      await rest();
      const idle = await decisions(server.url, IDLE_DECISIONS, next);
      const crowd = await besideStreams(server.url, next);
      context.note(
        `routing, ${repeat === 0 ? "warm-up" : `${repeat} of ${REPEATS}`}: idle ${medianOf(idle).toFixed(1)} ms, p99 ${quantileOf(idle, 0.99).toFixed(1)} ms; beside ${STREAMS} streams ${medianOf(crowd).toFixed(1)} ms, worst ${Math.max(...crowd).toFixed(1)} ms`,
      );
      if (repeat === 0) continue;
      medians.push(medianOf(idle));
      p99s.push(quantileOf(idle, 0.99));
      beside.push(medianOf(crowd));
    }
    return {
      routeMs: figure(medians, 10, "lower"),
      routeP99Ms: figure(p99s, 50, "lower"),
      routeBesideStreamsMs: figure(beside, 40, "lower"),
    };
  } finally {
    await server.close();
  }
}

/** It goes by words until its encoder is there. @throws {Error} where that does not come */
async function untilItHearsMeaning(url: string): Promise<void> {
  for (;;) {
    const { router } = (await (await fetch(`${url}/health`)).json()) as {
      router?: { hears: string; embedder: string };
    };
    if (router?.hears === "meaning") return;
    if (router && ["off", "unavailable", "failed"].includes(router.embedder))
      throw new Error(`the router's encoder is ${router.embedder}`);
    await pause(500);
  }
}

/** One after the other, each once the model's threads have gone to sleep; answered with a single token. */
async function decisions(url: string, count: number, next: () => string): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    await breathe();
    times.push((await ask(url, next(), { max_tokens: 1 })).routeMs);
  }
  return times;
}

async function besideStreams(url: string, next: () => string): Promise<number[]> {
  let isOver = false;
  const stream = async (user: number) => {
    const question = `Tell me everything that you know, number ${user}.`;
    while (!isOver) await ask(url, question, { model: "base", max_tokens: 200 });
  };
  const streams = Promise.all(Array.from({ length: STREAMS }, (_, user) => stream(user)));
  // Until all of them write.
  await pause(2_000);
  try {
    return await decisions(url, BESIDE_DECISIONS, next);
  } finally {
    isOver = true;
    await streams;
  }
}

const ask = (url: string, content: string, options: object) =>
  streamCompletion(`${url}/v1`, { model: "auto", messages: [{ role: "user", content }], ...options });

async function byWords(context: Context) {
  const adapterIds = context.adapters.map(({ summary }) => summary.id);
  const router = createRouter(await loadHead({ ...context.config, adapterIds, encoder: null }));
  const questions = mixedQuestions(context, WORD_DECISIONS);
  const p99s: number[] = [];
  for (let repeat = 0; repeat <= REPEATS; repeat++) {
    const times = await timesOf(router, questions);
    if (repeat > 0) p99s.push(quantileOf(times, 0.99));
  }
  return { routeByWordsP99Ms: figure(p99s, 1, "lower") };
}

async function timesOf(router: Router, questions: readonly string[]): Promise<number[]> {
  const times: number[] = [];
  for (const text of questions) {
    const startedAt = performance.now();
    await router.route({ turns: [{ role: "user", text }], previous: null });
    times.push(performance.now() - startedAt);
  }
  return times;
}
