import path from "node:path";
import { type Database, openDatabase } from "../../db/index.ts";
import type { LocalEngine } from "../../server/engines/index.ts";
import { withEngine } from "./bench-engine.ts";
import type { Context, Measurement } from "./context.ts";
import { withFolder } from "./folder.ts";
import { requestOf } from "./logged-request.ts";
import { mixedQuestions } from "./questions.ts";
import { eventLogCost, routingMs } from "./server-cost.ts";
import { REPEATS, rest } from "./side-by-side.ts";
import { figure } from "./statistics.ts";
import { type Streamed, streamFrom, totalSpeed } from "./streamed.ts";
import { askOverSocket, Person, WholeServer } from "./whole-server.ts";

const USERS = 8;

interface Run {
  ratio: number;
  cpuMsPerToken: number;
}

/**
 * `socketToSocket`: eight people over the whole server, from socket to socket, over the same work given to an engine
 * alone; and `serverMsPerToken`: processor time of the server process (router, gateway, event log) for each token.
 */
export const socketToSocket: Measurement = {
  units: { socketToSocket: "ratio", serverMsPerToken: "ms" },
  needsPeer: false,
  measure: async (context) => {
    const runs = await serverBesideEngine(context);
    return {
      socketToSocket: figure(
        runs.map(({ ratio }) => ratio),
        0.95,
        "higher",
      ),
      serverMsPerToken: figure(
        runs.map(({ cpuMsPerToken }) => cpuMsPerToken),
        1,
        "lower",
      ),
    };
  },
};

/**
 * Both sides are started anew for each repeat: what makes one process slow for as long as it lives
 * would otherwise decide all five.
 */
async function serverBesideEngine(context: Context): Promise<Run[]> {
  const asked = mixedQuestions(context, USERS * REPEATS * 2);
  const runs: Run[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const questions = asked.slice(repeat * 2 * USERS, (repeat + 1) * 2 * USERS);
    runs.push(await withFolder((dataDir) => freshPair(context, dataDir, questions)));
  }
  context.note(`routing: ${(await routingMs(context, asked)).toFixed(2)} ms a turn`);
  return runs;
}

/** @param asked a question for each user to warm both sides up, then one that counts */
async function freshPair(context: Context, dataDir: string, asked: string[]): Promise<Run> {
  const { adapters, basePrompt, note } = context;
  const server = await WholeServer.start(dataDir);
  const people: Person[] = [];
  try {
    const db = await openDatabase(path.join(dataDir, "patchbay.sqlite"));
    for (let user = 0; user < USERS; user++) people.push(await Person.visit(server.url));
    return await withEngine(context, {}, async (engine) => {
      // As the server does when it starts.
      await engine.plug(null, basePrompt);
      for (const { file, prompt } of adapters) await engine.plug(file, prompt.text);
      const parts = { server, people, db, engine };
      await oneRun(context, { ...parts, questions: asked.slice(0, USERS) }, "warm-up");
      const run = await oneRun(context, { ...parts, questions: asked.slice(USERS) }, "measured");
      const log = await eventLogCost(db);
      note(
        `event log: ${log.msPerEvent.toFixed(3)} ms an event, ${log.eventsPerToken.toFixed(2)} events a token`,
      );
      await db.destroy();
      return run;
    });
  } finally {
    for (const person of people) person.leave();
    await server.close();
  }
}

interface Parts {
  server: WholeServer;
  people: Person[];
  db: Database;
  engine: LocalEngine;
  questions: string[];
}

/** The server goes first each time: expert, prompt and seed of its answers are what the engine is given. */
async function oneRun(
  context: Context,
  { server, people, db, engine, questions }: Parts,
  label: string,
): Promise<Run> {
  await rest();
  const conversations = await Promise.all(people.map((person) => person.newConversation()));
  const cpuBefore = await server.cpuMs();
  const overSockets = await Promise.all(
    conversations.map(async (open, user): Promise<Streamed & { generationId: string }> => {
      const askedAt = performance.now();
      const { tokens, generationId } = await askOverSocket(open, questions[user] ?? "");
      return {
        askedAt,
        textAt: [],
        endedAt: performance.now(),
        tokens: tokens?.completion ?? 0,
        generationId,
      };
    }),
  );
  const cpuMs = (await server.cpuMs()) - cpuBefore;
  for (const open of conversations) open.close();
  const requests = await Promise.all(
    overSockets.map(({ generationId }, user) => requestOf(context, db, generationId, `${user}`)),
  );
  await rest();
  const alone = await Promise.all(requests.map((request) => streamFrom(engine, request)));
  const ratio = totalSpeed(overSockets) / totalSpeed(alone);
  const tokens = overSockets.reduce((sum, stream) => sum + stream.tokens, 0);
  const cpuMsPerToken = cpuMs / tokens;
  const same = alone.filter((stream, user) => stream.tokens === overSockets[user]?.tokens).length;
  const experts = requests.map(({ adapter }) => adapter?.version ?? "base").join(" ");
  context.note(
    `${label}: server ${totalSpeed(overSockets).toFixed(1)} tok/s, engine ${totalSpeed(alone).toFixed(1)} tok/s, ratio ${ratio.toFixed(3)}, ${cpuMsPerToken.toFixed(2)} ms a token (${experts}; ${same} of ${USERS} answers of equal length)`,
  );
  return { ratio, cpuMsPerToken };
}
