import path from "node:path";
import { type Database, openDatabase } from "../../db/index.ts";
import type { LocalEngine } from "../../server/engines/index.ts";
import { withEngine } from "./bench-engine.ts";
import type { Context, Measurement } from "./context.ts";
import { withFolder } from "./folder.ts";
import { requestOf } from "./logged-request.ts";
import { askOverV1, type OverV1 } from "./over-v1.ts";
import { mixedQuestions } from "./questions.ts";
import { REPEATS, rest } from "./side-by-side.ts";
import { figure, medianOf } from "./statistics.ts";
import { firstTokenMs, type Streamed, streamFrom, totalSpeed } from "./streamed.ts";
import { WholeServer } from "./whole-server.ts";

/** Questions asked one after the other, the first of them to warm both sides up; then streams at once. */
const ALONE = 6;
const STREAMS = 8;
const QUESTIONS = ALONE + STREAMS;

interface Run {
  firstTokenMs: number;
  throughput: number;
}

/**
 * `v1FirstTokenMs`: what the OpenAI-compatible API adds to the time to the first token, routing apart, over the same
 * request given to an engine; and `v1Throughput`: total tokens a second of eight streams over /v1, over the engine's.
 */
export const openAiApi: Measurement = {
  units: { v1FirstTokenMs: "ms", v1Throughput: "ratio" },
  needsPeer: false,
  measure: async (context) => {
    const asked = mixedQuestions(context, QUESTIONS * REPEATS);
    const runs: Run[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const questions = asked.slice(repeat * QUESTIONS, (repeat + 1) * QUESTIONS);
      runs.push(await withFolder((dataDir) => freshPair(context, dataDir, questions)));
    }
    return {
      v1FirstTokenMs: figure(
        runs.map(({ firstTokenMs }) => firstTokenMs),
        10,
        "lower",
      ),
      v1Throughput: figure(
        runs.map(({ throughput }) => throughput),
        0.95,
        "higher",
      ),
    };
  },
};

/** Both sides are started anew for each repeat, as for `socketToSocket`. */
async function freshPair(context: Context, dataDir: string, questions: string[]): Promise<Run> {
  const server = await WholeServer.start(dataDir);
  try {
    const db = await openDatabase(path.join(dataDir, "patchbay.sqlite"));
    return await withEngine(context, {}, async (engine) => {
      await engine.plug(null, context.basePrompt);
      for (const { file, prompt } of context.adapters) await engine.plug(file, prompt.text);
      const sides = { url: server.url, db, engine };
      const run = {
        firstTokenMs: await addedMs(context, sides, questions.slice(0, ALONE)),
        throughput: await speedRatio(context, sides, questions.slice(ALONE)),
      };
      await db.destroy();
      return run;
    });
  } finally {
    await server.close();
  }
}

interface Sides {
  url: string;
  db: Database;
  engine: LocalEngine;
}

async function addedMs(context: Context, sides: Sides, questions: string[]): Promise<number> {
  const added: number[] = [];
  const routing: number[] = [];
  for (const question of questions) {
    await rest();
    const over = await askOverV1(sides.url, sides.db, question);
    await rest();
    const [alone] = await again(context, sides, [over]);
    if (!alone) continue;
    added.push(firstTokenMs(over) - over.routeMs - firstTokenMs(alone));
    routing.push(over.routeMs);
  }
  added.shift();
  routing.shift();
  context.note(
    `first token: ${medianOf(added).toFixed(1)} ms more (${added.map((ms) => ms.toFixed(0)).join(" ")}), and ${medianOf(routing).toFixed(1)} ms of routing`,
  );
  return medianOf(added);
}

async function speedRatio(context: Context, sides: Sides, questions: string[]): Promise<number> {
  await rest();
  const over = await Promise.all(questions.map((question) => askOverV1(sides.url, sides.db, question)));
  await rest();
  const alone = await again(context, sides, over);
  const ratio = totalSpeed(over) / totalSpeed(alone);
  context.note(
    `${STREAMS} streams: /v1 ${totalSpeed(over).toFixed(1)} tok/s, engine ${totalSpeed(alone).toFixed(1)} tok/s, ratio ${ratio.toFixed(3)}`,
  );
  return ratio;
}

/** The same to an engine: all are the requests of one caller. */
async function again(context: Context, { db, engine }: Sides, answers: OverV1[]): Promise<Streamed[]> {
  const requests = await Promise.all(
    answers.map(({ generationId }) => requestOf(context, db, generationId, "caller")),
  );
  return Promise.all(requests.map((request) => streamFrom(engine, request)));
}
