import { beforeAll, describe, expect, it } from "vitest";
import { connectRemote } from "../../server/engines/connect-remote.ts";
import type { AdapterFile } from "../../server/engines/index.ts";
import { shippedVersion } from "../support/adapters.ts";
import { shippedAdapters } from "../support/engine.ts";
import { generate, request, story } from "../support/generate.ts";
import {
  answersRunning,
  collect,
  long,
  openAi,
  patchbayOf,
  refund,
  textOf,
  user,
} from "../support/openai.ts";
import { enginesFile, remoteEntry } from "../support/remote.ts";
import { newPerson, serverForAll, startServer } from "../support/server.ts";
import { ask, askAndSeeStart, converse, LONG_QUESTION } from "../support/talk.ts";
import { engineContract } from "./engine-contract.ts";

const CONTEXT = 1_024;
const behind = serverForAll({ contextSize: CONTEXT });
let adapters: AdapterFile[];
beforeAll(async () => {
  adapters = [...(await shippedAdapters()).values()];
});

/** Each version is called there what it is called here. */
const entryFor = (url: string, more: object = {}) => ({
  type: "openai",
  baseURL: `${url}/v1`,
  model: "base",
  adapters: Object.fromEntries(adapters.map(({ version }) => [version, version])),
  ...more,
});
const engineFor = (url: string, more: object = {}) =>
  connectRemote("behind", remoteEntry(entryFor(url, more)), { basePath: "", onLog: () => {} });
const serverBefore = (url: string, more: object = {}) =>
  startServer({
    engines: enginesFile({ engines: { behind: entryFor(url, more) }, order: { default: ["behind"] } }),
  });

describe("another Patchbay as an engine", () => {
  engineContract(() => ({
    engine: engineFor(behind().url),
    adapters,
    appliesAdapters: true,
    parallel: 2,
    contextSize: CONTEXT,
  }));

  it.each([
    ["a model that it does not have", { model: "astrology" }, request("Hello"), "remote-model-unknown"],
    [
      "a schema beyond its grammars",
      {},
      request("Hello", {
        format: { type: "json-schema", schema: { type: "string", pattern: "a" } as never },
      }),
      "remote-refused",
    ],
  ])("says why it does not answer: %s", async (_, more, what, code) => {
    await expect(generate(engineFor(behind().url, more), what)).rejects.toMatchObject({ code });
  });

  it("is busy when too many of one caller's answers run, and is asked again", async () => {
    const url = behind().url;
    const callers = Array.from({ length: 64 }, () => new AbortController());
    const running = callers.map(({ signal }, seed) => generate(engineFor(url), { ...story, seed }, signal));
    await expect.poll(() => answersRunning(url)).toBe(64);
    await expect(generate(engineFor(url, { retries: 0 }), request("Hello"))).rejects.toMatchObject({
      code: "remote-busy",
    });
    const patient = generate(engineFor(url), request("Hello"));
    for (const caller of callers) caller.abort();
    expect((await patient).text.length).toBeGreaterThan(0);
    for (const { finished } of await Promise.all(running)) expect(finished.reason).toBe("stopped");
    await expect.poll(() => answersRunning(url)).toBe(0);
  });
});

describe("a server in front of another", () => {
  it("answers as the one behind it does: seed, stop, schema, penalties and log-probabilities included", async () => {
    const before = await serverBefore(behind().url);
    const schema = {
      type: "object",
      properties: { refund: { type: "boolean" }, days: { enum: [3, 5, 14] } },
      required: ["refund", "days"],
      additionalProperties: false,
    };
    const asked = { model: "support", messages: [refund], seed: 11, temperature: 0.8, max_tokens: 60 };
    const wishes: object[] = [
      {},
      { seed: 12 },
      { stop: ["you", "\n\n"] },
      { presence_penalty: 1.5, frequency_penalty: 1 },
      { response_format: { type: "json_schema", json_schema: { name: "answer", schema } } },
      { logprobs: true, top_logprobs: 2, max_tokens: 12 },
    ];
    // The first reader of a prompt reads it in other batches than those after, who find it kept:
    // llama.cpp then rounds differently, and a close call between two tokens can turn.
    await openAi(behind().url).chat.completions.create({ ...asked, max_tokens: 1 });
    const texts = new Set<string>();
    for (const wish of wishes) {
      const body = { ...asked, ...wish };
      const direct = await openAi(behind().url).chat.completions.create(body);
      const relayed = await openAi(before.url).chat.completions.create(body);
      expect(textOf(relayed), JSON.stringify(wish)).toBe(textOf(direct));
      expect(relayed.choices[0]?.finish_reason).toBe(direct.choices[0]?.finish_reason);
      expect(relayed.usage).toMatchObject({
        prompt_tokens: direct.usage?.prompt_tokens,
        completion_tokens: direct.usage?.completion_tokens,
      });
      expect(relayed.choices[0]?.logprobs?.content?.map(({ token }) => token)).toEqual(
        direct.choices[0]?.logprobs?.content?.map(({ token }) => token),
      );
      expect(patchbayOf(relayed).version).toBe(shippedVersion("support"));
      texts.add(textOf(relayed));
    }
    // Every wish made a difference, but for the last, which is the beginning of the first.
    expect(texts.size).toBe(wishes.length);
    const json = [...texts].flatMap((text) => (text.startsWith("{") ? [JSON.parse(text)] : []));
    expect(json).toEqual([{ refund: expect.any(Boolean), days: expect.any(Number) }]);
  });

  it("credits no adapter where the one behind it answers without", async () => {
    // It has the adapter, but passes on to a third, which it tells of none.
    const passing = await serverBefore(behind().url, { adapters: {} });
    const before = await serverBefore(passing.url);
    const answer = await openAi(before.url).chat.completions.create({
      model: "support",
      messages: [refund],
      max_tokens: 12,
    });
    expect(patchbayOf(answer)).toMatchObject({
      adapter: "support",
      version: null,
      remotes: [{ engine: "behind" }],
    });
    const open = await converse(await newPerson(before.url));
    expect((await ask(open, "Where is my parcel?", "support")).expert).toMatchObject({
      id: "support",
      version: null,
      remote: { engine: "behind" },
    });
    open.close();
  });

  it("streams word by word, and a caller that goes away ends the answer on both", async () => {
    const before = await serverBefore(behind().url);
    const asked = { model: "base", messages: [long], max_tokens: 200 };
    const chunks = await collect(
      await openAi(before.url).chat.completions.create({ ...asked, max_tokens: 60, stream: true }),
    );
    expect(chunks.filter(({ choices }) => choices[0]?.delta.content).length).toBeGreaterThan(4);
    const stream = await openAi(before.url).chat.completions.create({ ...asked, stream: true });
    for await (const { choices } of stream) if (choices[0]?.delta.content) break;
    await expect.poll(() => answersRunning(before.url)).toBe(0);
    await expect.poll(() => answersRunning(behind().url)).toBe(0);
    const person = await newPerson(before.url);
    const open = await converse(person);
    const answer = await askAndSeeStart(open, LONG_QUESTION, "base");
    await open.stop(answer.generationId);
    expect(await open.when(answer.id, ({ status }) => status !== "streaming")).toMatchObject({
      status: "stopped",
    });
    await expect.poll(() => answersRunning(behind().url)).toBe(0);
  });

  it("passes on what is wrong with a question, and keeps what was written when the one behind ends", async () => {
    const last = await startServer();
    const before = await serverBefore(last.url);
    const tooLong = { model: "base", messages: [user("word ".repeat(3_000))] };
    await expect(openAi(before.url).chat.completions.create(tooLong)).rejects.toMatchObject({
      status: 400,
      code: "context_length_exceeded",
    });
    const open = await converse(await newPerson(before.url));
    const begun = await askAndSeeStart(open, LONG_QUESTION, "base");
    await last.close();
    const answer = await open.when(begun.id, ({ status }) => status !== "streaming");
    expect(answer).toMatchObject({ status: "failed", error: { code: "remote-failed" } });
    expect(answer.text.length).toBeGreaterThan(0);
  });
});
