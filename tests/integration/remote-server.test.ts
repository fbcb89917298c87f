import path from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import type { Answer, PatchbayClient } from "../../client/sdk/index.ts";
import { openDatabase } from "../../db/index.ts";
import type { StartOptions } from "../../server/main.ts";
import type { LlamaServer } from "../bench/peer/llama-server.ts";
import { shippedVersion } from "../support/adapters.ts";
import { dies, FaultyServer, replies, speaksAnd } from "../support/faulty-server.ts";
import { temporaryFolder } from "../support/folder.ts";
import { BUILD_MS, startLlamaServer } from "../support/llama-server.ts";
import { enginesFile } from "../support/remote.ts";
import { newPerson, startServer } from "../support/server.ts";
import { ask, askAndSeeStart, converse, LONG_QUESTION, WHOLE } from "../support/talk.ts";

let llama: LlamaServer;
beforeAll(async () => {
  llama = await startLlamaServer({ contextSize: 2_048 });
}, BUILD_MS);
afterAll(() => llama.close());

const elsewhere = () => ({ type: "llama-server", baseURL: `${llama.url}/v1`, model: "smollm2" });

async function serverWith(engines: object, overrides: object = {}, options: StartOptions = {}) {
  return startServer({ engines: enginesFile(engines), ...overrides }, options);
}

/** The answer as somebody finds it who opens the conversation later. */
async function reopened(person: PatchbayClient, { conversationId }: Answer) {
  const { messages } = await person.call("conversation:open", { conversationId });
  return messages.filter(({ role }) => role === "assistant");
}

it("an answer from elsewhere says who gave it, without which adapter and for how much, then and later", async () => {
  const log: string[] = [];
  const engines = {
    engines: { box: { ...elsewhere(), price: { prompt: 1, completion: 10 } } },
    order: { default: ["local"], support: ["box", "local"], helth: ["local"] },
  };
  const server = await serverWith(engines, {}, { log: (line) => log.push(line) });
  expect(log.join("\n")).toContain('an order for "helth"');
  const person = await newPerson(server.url);
  const open = await converse(person);
  const answer = await ask(open, "Where is my parcel?", "support");
  expect(answer).toMatchObject({
    status: WHOLE,
    expert: { id: "support", version: null, sha256: null, remote: { engine: "box", model: "smollm2" } },
  });
  const { prompt, completion } = answer.tokens as NonNullable<Answer["tokens"]>;
  expect(prompt).toBeGreaterThan(40);
  expect(answer.cost).toBeCloseTo((prompt + completion * 10) / 1e6, 12);
  expect(await reopened(person, answer)).toMatchObject([answer]);
  // Another domain stays at home.
  const atHome = await ask(open, "What is a fraction?", "education");
  expect(atHome.expert).toMatchObject({ id: "education", version: shippedVersion("education") });
  expect(atHome.expert?.remote).toBeUndefined();
  expect(atHome.cost).toBeNull();
});

it("a vote on it keeps what model it was, and no base hash that it is not", async () => {
  const dataDir = temporaryFolder();
  const server = await serverWith(
    { engines: { box: elsewhere() }, order: { default: ["box"] } },
    { dataDir },
  );
  const person = await newPerson(server.url);
  const answer = await ask(await converse(person), "Where is my parcel?", "support");
  await person.call("vote:set", { messageId: answer.id, value: 1 });
  await server.close();
  const db = await openDatabase(path.join(dataDir, "patchbay.sqlite"));
  onTestFinished(() => db.destroy());
  const { payload_json } = await db.selectFrom("snapshots").select("payload_json").executeTakeFirstOrThrow();
  expect(JSON.parse(payload_json)).toMatchObject({
    base: { name: "smollm2", sha256: null },
    expert: { id: "support", version: null, remote: { engine: "box" } },
  });
});

it("an engine that cannot answer is passed over for the next, and nobody gets two answers", async () => {
  const busy = await FaultyServer.start(replies(429, {}, { "retry-after": "3600" }));
  const server = await serverWith({
    engines: {
      gone: { type: "openai", baseURL: "http://127.0.0.1:9/v1", model: "gone", retries: 0 },
      busy: { type: "huggingface", endpointUrl: busy.url, model: "busy" },
    },
    order: { default: ["gone", "busy", "local"] },
  });
  const person = await newPerson(server.url);
  const answer = await ask(await converse(person), "Where is my parcel?", "support");
  expect(answer).toMatchObject({ status: WHOLE, expert: { version: shippedVersion("support") } });
  expect(busy.requests.length).toBe(1);
  expect((await reopened(person, answer)).length).toBe(1);
});

it("an answer whose engine dies keeps what was written, and is not written again by another", async () => {
  const dying = await FaultyServer.start(speaksAnd(dies));
  const server = await serverWith({
    engines: { box: { type: "openai", baseURL: `${dying.url}/v1`, model: "box" } },
    order: { default: ["box", "local"] },
  });
  const person = await newPerson(server.url);
  const answer = await ask(await converse(person), "Where is my parcel?", "support");
  expect(answer).toMatchObject({ status: "failed", text: "Hello there", error: { code: "remote-failed" } });
  expect(answer.error?.message).toContain("box");
  expect(dying.requests.length).toBe(1);
  expect(await reopened(person, answer)).toMatchObject([{ status: "failed", text: "Hello there" }]);
});

it("a turn goes elsewhere when this machine has too many waiting, and stays when not", async () => {
  const server = await serverWith({ engines: { box: elsewhere() }, saturatedAt: 1 }, { sequences: 1 });
  const people = await Promise.all([1, 2, 3].map(() => newPerson(server.url)));
  const [first, second, third] = await Promise.all(people.map((person) => converse(person)));
  if (!first || !second || !third) throw new Error("no conversation");
  const running = await askAndSeeStart(first, LONG_QUESTION, "base");
  const waiting = await second.send(LONG_QUESTION, { clientId: "waiting", adapter: "base" });
  await second.when(waiting.id, ({ ahead }) => ahead !== null);
  const overflowing = await ask(third, "Where is my parcel?", "support");
  expect(overflowing).toMatchObject({ status: WHOLE, expert: { remote: { engine: "box" } } });
  await first.stop(running.generationId);
  await second.stop(waiting.generationId);
  await expect.poll(() => server.health()).toMatchObject({ queue: { running: 0, waiting: 0 } });
  expect((await ask(third, "And tomorrow?", "support")).expert?.version).toBe(shippedVersion("support"));
});
