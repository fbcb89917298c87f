import { describe, expect, it } from "vitest";
import { connectRemote } from "../../server/engines/connect-remote.ts";
import type { RemoteEngine } from "../../server/engines/index.ts";
import {
  type Act,
  answers,
  answersAndStays,
  dies,
  ends,
  FaultyServer,
  hangs,
  replies,
  says,
  speaksAnd,
} from "../support/faulty-server.ts";
import { generate, request } from "../support/generate.ts";
import { remoteEntry } from "../support/remote.ts";

const KEY = "sk-nobody-may-read-this";

const entries = {
  openai: (url: string) => ({ type: "openai", baseURL: `${url}/v1` }),
  huggingface: (url: string) => ({ type: "huggingface", endpointUrl: url }),
};

function connect(type: keyof typeof entries, url: string, more: object = {}, showsText = false) {
  const log: string[] = [];
  const entry = remoteEntry({
    ...entries[type](url),
    apiKey: KEY,
    model: "some-model",
    firstTokenSeconds: 0.4,
    betweenTokensSeconds: 0.3,
    ...more,
  });
  const onLog = (line: string) => void log.push(line);
  const engine = connectRemote("cloud", entry, { basePath: "", showsText, onLog });
  return { engine, log };
}

/** What somebody has read when the answer failed, and why it did. */
async function failing(
  engine: RemoteEngine,
): Promise<{ text: string; started: number; code: string; said: string }> {
  let text = "";
  let started = 0;
  try {
    await generate(engine, request("Hello"), undefined, (event) => {
      if (event.type === "delta") text += event.text;
      if (event.type === "started") started++;
    });
  } catch (error) {
    const { code, message, hint } = error as { code: string; message: string; hint?: string };
    return { text, started, code, said: `${message} ${hint}` };
  }
  throw new Error("it did not fail");
}

describe.each(Object.keys(entries) as (keyof typeof entries)[])("through %s, a server that", (type) => {
  it.each<[string, Act, string]>([
    ["never begins to answer", hangs, "remote-timeout"],
    ["does not like the key", replies(401, { error: { message: "bad key" } }), "remote-key-refused"],
    [
      "does not have the model",
      replies(404, { error: { message: "no such model" } }),
      "remote-model-unknown",
    ],
    [
      "does not like the request",
      replies(400, { error: { message: "top_p is new to me" } }),
      "remote-refused",
    ],
    ["is busy for an hour", replies(429, {}, { "retry-after": "3600" }), "remote-busy"],
  ])("%s is asked once, and said so", async (_, act, code) => {
    const server = await FaultyServer.start(act);
    const { engine, log } = connect(type, server.url);
    expect(await failing(engine)).toMatchObject({ text: "", started: 0, code });
    expect(server.requests.length).toBe(1);
    expect(server.requests[0]).toMatchObject({ key: `Bearer ${KEY}`, body: { model: "some-model" } });
    expect(log.join("\n")).toContain(code);
    expect(log.join("\n")).not.toContain(KEY);
  });

  it.each<[string, Act]>([
    ["fails", replies(500, { error: { message: "out of memory" } })],
    ["dies before the first word", dies],
    ["ends before the first word", ends],
    ["sends what is no JSON", says("{ not JSON")],
    ["sends what is no chunk", says({ hello: "world" })],
    ["sends a page", (response) => void response.end("<html>It works!</html>")],
    ["sends an error as an event", says({ error: { message: "out of memory" } })],
  ])("%s is asked again, and the answer comes once", async (_, act) => {
    const server = await FaultyServer.start(act, act, answers);
    const { events, text } = await generate(connect(type, server.url).engine, request("Hello"));
    expect(text).toBe("Hello there");
    expect(events.filter((event) => event.type === "started").length).toBe(1);
    expect(server.requests.length).toBe(3);
  });

  it.each<[string, Act, string]>([
    ["hangs", hangs, "remote-timeout"],
    ["dies", dies, "remote-failed"],
    ["ends", ends, "remote-failed"],
    ["sends what is no JSON", says("{ not JSON"), "remote-failed"],
    ["sends what is no chunk", says({ choices: "many" }), "remote-failed"],
    ["sends an error", says({ error: { message: "out of memory" } }), "remote-failed"],
  ])("%s in the middle of an answer is not asked again, and what it said stays", async (_, act, code) => {
    const server = await FaultyServer.start(speaksAnd(act), answers);
    const { engine } = connect(type, server.url);
    expect(await failing(engine)).toMatchObject({ text: "Hello there", started: 1, code });
    expect(server.requests.length).toBe(1);
    expect(engine.health()).toMatchObject({ running: 0, waiting: 0 });
  });

  it("keeps the connection open after its answer has given it", async () => {
    const server = await FaultyServer.start(answersAndStays);
    const { text, finished } = await generate(connect(type, server.url).engine, request("Hello"));
    expect(text).toBe("Hello there");
    expect(finished).toMatchObject({ reason: "stop", completionTokens: 2, usage: { promptTokens: 20 } });
  });

  it.each<[string, Act, string]>([
    ["breaks off", says("My doctor says"), "SyntaxError"],
    [
      "refuses",
      replies(400, { error: { message: "You wrote: My doctor says", type: "invalid", param: "top_p" } }),
      "400 invalid top_p",
    ],
  ])("%s is logged with codes, and with words only where they are wanted", async (_, act, codes) => {
    const server = await FaultyServer.start(act);
    for (const showsText of [false, true]) {
      const { engine, log } = connect(type, server.url, { retries: 0 }, showsText);
      await failing(engine);
      expect(log.join("\n").includes("My doctor"), log.join("\n")).toBe(showsText);
      expect(log.join("\n").includes(codes), log.join("\n")).toBe(!showsText);
    }
  });

  it("asks for a second's pause gets it", async () => {
    const server = await FaultyServer.start(replies(429, {}, { "retry-after": "1" }), answers);
    const askedAt = performance.now();
    expect((await generate(connect(type, server.url).engine, request("Hello"))).text).toBe("Hello there");
    expect(performance.now() - askedAt).toBeGreaterThan(1_000);
    expect(server.requests.length).toBe(2);
  });

  it("is not there is said to be unreachable, and left alone after three times", async () => {
    const server = await FaultyServer.start(answers);
    const { engine } = connect(type, server.url, { retries: 0 });
    await server.close();
    for (let time = 0; time < 3; time++) {
      expect(engine.isAvailable).toBe(true);
      expect(await failing(engine)).toMatchObject({ code: "remote-unreachable" });
    }
    expect(engine.isAvailable).toBe(false);
    expect(await failing(engine)).toMatchObject({ code: "remote-unreachable" });
  });

  it("hangs can be left at any time", async () => {
    const server = await FaultyServer.start(hangs);
    const { engine } = connect(type, server.url);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    const { events } = await generate(engine, request("Hello"), controller.signal);
    expect(events).toEqual([{ type: "finished", reason: "stopped", completionTokens: 0 }]);
    expect(engine.isAvailable).toBe(true);
  });

  it("finds a prompt too long gets fewer turns, until only the newest is left", async () => {
    const tooLong = replies(400, { error: { code: "context_length_exceeded", message: "too long" } });
    const server = await FaultyServer.start(tooLong, tooLong, answers);
    const { engine } = connect(type, server.url);
    const turns = Array.from({ length: 9 }, (_, index) => [
      { role: "user" as const, content: `Question ${index}` },
      { role: "assistant" as const, content: "An answer of some length. ".repeat(5) },
    ]).flat();
    const messages = [
      ...request("").messages.slice(0, 1),
      ...turns,
      { role: "user" as const, content: "Now?" },
    ];
    const { started } = await generate(engine, request("", { messages }));
    const sent = server.requests.map(({ body }) => (body.messages as unknown[]).length);
    expect(sent[0]).toBe(20);
    expect(sent[2]).toBeLessThan(sent[1] as number);
    expect(sent[2]).toBe(20 - 2 * started.droppedTurns);
    expect(server.requests[2]?.body.messages).toMatchObject([
      { role: "system" },
      { role: "user" },
      ...Array((sent[2] as number) - 2).fill({}),
    ]);
    const never = await FaultyServer.start(tooLong);
    await expect(generate(connect(type, never.url).engine, request("Hello"))).rejects.toMatchObject({
      code: "prompt-too-long",
    });
  });
});
