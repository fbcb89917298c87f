import fs from "node:fs";
import path from "node:path";
import type { Context, Measurement } from "./context.ts";
import { withFolder } from "./folder.ts";
import { streamCompletion } from "./over-v1.ts";
import { PlayedUpstream, TOKEN_WIDTH } from "./played-upstream.ts";
import { pause, REPEATS, rest } from "./side-by-side.ts";
import { figure, medianOf, quantileOf } from "./statistics.ts";
import { Person, readOverSocket, WholeServer } from "./whole-server.ts";

const STREAMS = 50;
const PACE = { tokens: 100, everyMs: 50 };
const GOAL_MS = 30;

/** Asks one question and tells how many characters of its answer have come, whenever more have. */
type Ask = (stream: number, question: string, onLength: (length: number) => void) => Promise<void>;

/**
 * `relayDelay` and `v1RelayDelay`: fifty answers of twenty tokens a second from an engine elsewhere, passed on to people
 * at sockets and to callers of /v1. The 99th percentile of the time from when a token was sent until it was read.
 */
export const relayDelay: Measurement = {
  units: { relayDelay: "ms", v1RelayDelay: "ms" },
  needsPeer: false,
  measure: (context) =>
    withFolder(async (folder) => {
      const upstream = await PlayedUpstream.start(PACE);
      try {
        return await relayed(context, upstream, folder);
      } finally {
        await upstream.close();
      }
    }),
};

async function relayed(context: Context, upstream: PlayedUpstream, folder: string) {
  const engines = path.join(folder, "engines.json");
  const played = { type: "openai", baseURL: upstream.baseURL, model: "played" };
  fs.writeFileSync(engines, JSON.stringify({ engines: { played }, order: { default: ["played"] } }));
  const server = await WholeServer.start(path.join(folder, "data"), { PATCHBAY_ENGINES: engines });
  const people: Person[] = [];
  try {
    for (let stream = 0; stream < STREAMS; stream++) people.push(await Person.visit(server.url));
    const overSocket: Ask = async (stream, question, onLength) => {
      const open = await (people[stream] as Person).newConversation();
      await readOverSocket(open, question, ({ text }) => onLength(text.length));
      open.close();
    };
    const overV1: Ask = async (_, question, onLength) => {
      let length = 0;
      const body = { model: "auto", messages: [{ role: "user", content: question }] };
      await streamCompletion(`${server.url}/v1`, body, (piece) => {
        length += piece.length;
        onLength(length);
      });
    };
    const measure = async (name: string, ask: Ask) => {
      const p99: number[] = [];
      // The first run warms both sides up and does not count.
      for (let repeat = 0; repeat <= REPEATS; repeat++) {
        await rest();
        const cpuBefore = await server.cpuMs();
        const delays = await delaysOf(upstream, `${name} ${repeat}`, ask);
        const cpuMs = (await server.cpuMs()) - cpuBefore;
        context.note(
          `${name}, ${repeat === 0 ? "warm-up" : `${repeat} of ${REPEATS}`}: median ${medianOf(delays).toFixed(1)} ms, p99 ${quantileOf(delays, 0.99).toFixed(1)} ms, worst ${Math.max(...delays).toFixed(1)} ms of ${delays.length} tokens; ${(cpuMs / delays.length).toFixed(2)} ms of the server's processor time each`,
        );
        if (repeat > 0) p99.push(quantileOf(delays, 0.99));
      }
      return figure(p99, GOAL_MS, "lower");
    };
    return {
      relayDelay: await measure("sockets", overSocket),
      v1RelayDelay: await measure("/v1", overV1),
    };
  } finally {
    for (const person of people) person.leave();
    await server.close();
  }
}

/** Of each token of all streams, in ms. They begin spread over the time between two tokens, as people do. */
async function delaysOf(upstream: PlayedUpstream, run: string, ask: Ask): Promise<number[]> {
  const delays: number[] = [];
  await Promise.all(
    Array.from({ length: STREAMS }, async (_, stream) => {
      await pause((stream * PACE.everyMs) / STREAMS);
      const question = `Stream ${stream} of ${run}`;
      let read = 0;
      await ask(stream, question, (length) => {
        const now = performance.now();
        const sentAt = upstream.sentAt.get(question) ?? [];
        for (; read < Math.floor(length / TOKEN_WIDTH); read++)
          delays.push(now - (sentAt[read] ?? Number.NaN));
      });
      if (read !== PACE.tokens) throw new Error(`${question}: ${read} of ${PACE.tokens} tokens came`);
    }),
  );
  return delays;
}
