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
const PACE = { tokens: 140, everyMs: 50 };
/** So that, as with people, each sends its tokens at a moment of its own. */
const BETWEEN_STARTS_MS = PACE.everyMs + PACE.everyMs / STREAMS;
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
          `${name}, ${repeat === 0 ? "warm-up" : `${repeat} of ${REPEATS}`}: median ${medianOf(delays).toFixed(1)} ms, p99 ${quantileOf(delays, 0.99).toFixed(1)} ms, worst ${Math.max(...delays).toFixed(1)} ms of ${delays.length} tokens; ${(cpuMs / (STREAMS * PACE.tokens)).toFixed(2)} ms of the server's processor time each`,
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

/** A token, on its way from the upstream to whoever reads it; on the clock of `performance.now()`, in ms. */
interface Passage {
  sentAt: number;
  readAt: number;
}

/** In ms, of each token that was sent while all streams ran: what it takes to begin is another figure. */
async function delaysOf(upstream: PlayedUpstream, run: string, ask: Ask): Promise<number[]> {
  const streams = await Promise.all(
    Array.from({ length: STREAMS }, async (_, stream) => {
      await pause(stream * BETWEEN_STARTS_MS);
      return passagesOf(upstream, `Stream ${stream} of ${run}`, (question, onLength) =>
        ask(stream, question, onLength),
      );
    }),
  );
  const from = Math.max(...streams.map(([first]) => first?.sentAt ?? Number.NaN));
  const to = Math.min(...streams.map((passages) => passages.at(-1)?.sentAt ?? Number.NaN));
  return streams
    .flat()
    .filter(({ sentAt }) => sentAt >= from && sentAt <= to)
    .map(({ sentAt, readAt }) => readAt - sentAt);
}

async function passagesOf(
  upstream: PlayedUpstream,
  question: string,
  ask: (question: string, onLength: (length: number) => void) => Promise<void>,
): Promise<Passage[]> {
  const readAt: number[] = [];
  await ask(question, (length) => {
    const now = performance.now();
    while (readAt.length < Math.floor(length / TOKEN_WIDTH)) readAt.push(now);
  });
  if (readAt.length !== PACE.tokens)
    throw new Error(`${question}: ${readAt.length} of ${PACE.tokens} tokens came`);
  const sent = upstream.sentAt.get(question) ?? [];
  return readAt.map((at, token) => ({ sentAt: sent[token] ?? Number.NaN, readAt: at }));
}
