import fs from "node:fs";
import path from "node:path";
import { APIUserAbortError, BadRequestError, NotFoundError } from "openai";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../../db/index.ts";
import { exportKto, type KtoRow } from "../../server/feedback/index.ts";
import { shippedVersion, versionFile } from "../support/adapters.ts";
import { temporaryFolder } from "../support/folder.ts";
import { answersRunning, collect, long, openAi, post, refund, textOf, user } from "../support/openai.ts";
import { newPerson, serverForAll, startServer } from "../support/server.ts";

const server = serverForAll();
const api = () => openAi(server().url);

describe("the models", () => {
  it("are the router, the base model, every adapter and every version of it", async () => {
    const models = await collect(await api().models.list());
    const ids = models.map(({ id }) => id);
    expect(ids.slice(0, 2)).toEqual(["auto", "base"]);
    for (const id of ["support", "health", "education", "entertainment"]) {
      expect(ids).toContain(id);
      expect(ids).toContain(shippedVersion(id));
    }
    expect(await api().models.retrieve(shippedVersion("support"))).toMatchObject({
      object: "model",
      owned_by: "patchbay",
    });
    await expect(api().models.retrieve("gpt-4o")).rejects.toBeInstanceOf(NotFoundError);
  });

  it("of a version answer as that version, also where another one is current", async () => {
    const adaptersDir = temporaryFolder();
    fs.cpSync("adapters/support", path.join(adaptersDir, "support"), { recursive: true });
    const versions = path.join(adaptersDir, "support", "versions");
    fs.cpSync("adapters/health/versions", versions, { recursive: true });
    const card = path.join(versions, path.basename(versionFile("adapters/health", "json")));
    fs.writeFileSync(card, JSON.stringify({ ...JSON.parse(fs.readFileSync(card, "utf8")), ordinal: 99 }));
    const { url } = await startServer({ adaptersDir });
    const client = openAi(url);
    const asked = { messages: [refund], max_tokens: 30, temperature: 0 };
    const [current, first, second] = [
      await client.chat.completions.create({ ...asked, model: "support" }),
      await client.chat.completions.create({ ...asked, model: shippedVersion("support") }),
      await client.chat.completions.create({ ...asked, model: "support@99" }),
    ];
    expect([current, first, second].map(({ model }) => model)).toEqual([
      shippedVersion("support"),
      shippedVersion("support"),
      "support@99",
    ]);
    expect(textOf(first)).toBe(textOf(current));
    expect(textOf(second)).not.toBe(textOf(current));
  });

  it("that do not exist are not found, and the nearest is suggested", async () => {
    const refused = api().chat.completions.create({ model: "suport", messages: [refund] });
    await expect(refused).rejects.toBeInstanceOf(NotFoundError);
    await expect(refused).rejects.toMatchObject({ code: "model_not_found", param: "model" });
    await expect(refused).rejects.toThrow('Did you mean "support"?');
  });
});

describe("feedback on a completion", () => {
  async function exported(dataDir: string): Promise<KtoRow[]> {
    const db = await openDatabase(path.join(dataDir, "patchbay.sqlite"));
    const rows = await collect(exportKto(db));
    await db.destroy();
    return rows;
  }

  it("becomes reward data like a thumb on the page, and the completion is in no list of conversations", async () => {
    const dataDir = temporaryFolder();
    const { url } = await startServer({ dataDir });
    const answer = await openAi(url).chat.completions.create({
      model: "auto",
      messages: [{ role: "system", content: "Be kind." }, refund],
      max_tokens: 16,
      n: 2,
    });
    const vote = {
      completion_id: answer.id,
      index: 1,
      value: -1,
      correction: "We send it back.",
      reasons: ["wrong"],
    };
    expect(await post(`${url}/v1/feedback`, vote)).toMatchObject({
      status: 200,
      body: {
        object: "feedback",
        completion_id: answer.id,
        index: 1,
        vote: { value: -1, reasons: ["wrong"] },
      },
    });
    const rows = await exported(dataDir);
    expect(rows.map(({ label }) => label)).toEqual([false, true]);
    expect(rows[0]?.completion).toEqual([{ role: "assistant", content: textOf(answer, 1) }]);
    expect(rows[0]?.prompt[0]?.content).toMatch(/Be kind\.$/);
    expect(rows[0]?.prompt.at(-1)).toEqual(refund);
    await post(`${url}/v1/feedback`, { completion_id: answer.id, index: 1, value: 0 });
    expect(await exported(dataDir)).toEqual([]);
    const stranger = await newPerson(url);
    expect((await stranger.call("conversation:list", {})).conversations).toEqual([]);
  });

  it.each([
    [{ completion_id: "chatcmpl-01KA0000000000000000000000", value: 1 }, 404, "not-found", null],
    [{ completion_id: "nonsense", value: 1 }, 400, "bad-request", "completion_id"],
    [{ completion_id: "chatcmpl-01KA0000000000000000000000", value: 5 }, 400, "bad-request", "value"],
  ])("is refused where it cannot be: %j", async (body, status, code, param) => {
    const refused = await post(`${server().url}/v1/feedback`, body);
    expect(refused).toMatchObject({ status, body: { error: { code, param } } });
  });
});

describe("a request that is wrong", () => {
  const messages = [refund];
  it.each<[string, object, string, string]>([
    ["no model", { messages }, "model", "bad-request"],
    ["no messages", { model: "base", messages: [] }, "messages", "bad-request"],
    ["a temperature of 3", { model: "base", messages, temperature: 3 }, "temperature", "bad-request"],
    ["n beyond the limit", { model: "base", messages, n: 100 }, "n", "bad-request"],
    ["a misspelt parameter", { model: "base", messages, temprature: 1 }, "temprature", "bad-request"],
    [
      "five stop sequences",
      { model: "base", messages, stop: ["a", "b", "c", "d", "e"] },
      "stop",
      "bad-request",
    ],
    ["an empty stop sequence", { model: "base", messages, stop: ["a", ""] }, "stop[1]", "bad-request"],
    ["top_logprobs alone", { model: "base", messages, top_logprobs: 3 }, "top_logprobs", "bad-request"],
    [
      "an unknown role",
      { model: "base", messages: [{ role: "tool", content: "x" }] },
      "messages[0].role",
      "bad-request",
    ],
    [
      "no user's message at the end",
      { model: "base", messages: [{ role: "system", content: "x" }] },
      "messages",
      "bad-request",
    ],
    [
      "an image",
      {
        model: "base",
        messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }],
      },
      "messages[0].content[0].type",
      "bad-request",
    ],
    ["tools", { model: "base", messages, tools: [{ type: "function" }] }, "tools", "unsupported_parameter"],
    [
      "sound",
      { model: "base", messages, modalities: ["text", "audio"] },
      "modalities",
      "unsupported_parameter",
    ],
    [
      "another response format",
      { model: "base", messages, response_format: { type: "xml" } },
      "response_format.type",
      "bad-request",
    ],
  ])("is a 400 that names the parameter: %s", async (_what, body, param, code) => {
    const refused = await post(`${server().url}/v1/chat/completions`, body);
    expect(refused).toMatchObject({
      status: 400,
      body: { error: { param, code, type: "invalid_request_error" } },
    });
    const { message } = (refused.body as { error: { message: string } }).error;
    expect(message).toMatch(/\.$/);
  });

  it("is told from a fault: broken JSON, no JSON, too large, unknown address, foreign origin", async () => {
    const { url } = server();
    const chat = `${url}/v1/chat/completions`;
    expect(await post(chat, "{")).toMatchObject({ status: 400, body: { error: { code: "bad-request" } } });
    expect(await post(chat, "hello", { "content-type": "text/plain" })).toMatchObject({ status: 400 });
    expect(await post(chat, JSON.stringify({ model: "x".repeat(1_100_000) }))).toMatchObject({
      status: 413,
      body: { error: { code: "too-large", type: "invalid_request_error" } },
    });
    expect(await post(`${url}/v1/images/generations`, {})).toMatchObject({
      status: 404,
      body: { error: { code: "not-found", message: expect.stringContaining("/v1/images/generations") } },
    });
    expect(await post(chat, {}, { origin: "http://evil.example" })).toMatchObject({
      status: 403,
      body: { error: { type: "permission_error", code: "forbidden" } },
    });
  });

  it("because its newest message is too long is a context_length_exceeded", async () => {
    const refused = api().chat.completions.create({ model: "base", messages: [user("word ".repeat(4_000))] });
    await expect(refused).rejects.toBeInstanceOf(BadRequestError);
    await expect(refused).rejects.toMatchObject({ code: "context_length_exceeded", param: "messages" });
    const streamed = api().chat.completions.create({
      model: "base",
      messages: [user("word ".repeat(4_000))],
      stream: true,
    });
    await expect(streamed).rejects.toMatchObject({ status: 400, code: "context_length_exceeded" });
  });

  it("because its person has too many answers running is a 429 that says when to come again", async () => {
    const gone = new AbortController();
    const asked = { model: "base", messages: [long], n: 8, max_tokens: 800 };
    const running = Array.from({ length: 8 }, () =>
      api()
        .chat.completions.create(asked, { signal: gone.signal })
        .catch((error: unknown) => error),
    );
    const ask = () => post(`${server().url}/v1/chat/completions`, { model: "base", messages, max_tokens: 1 });
    await expect.poll(() => answersRunning(server().url), { timeout: 10_000 }).toBe(64);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ error: { code: "rate_limit_exceeded", type: "rate_limit_error" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    gone.abort();
    for (const ended of await Promise.all(running)) expect(ended).toBeInstanceOf(APIUserAbortError);
    await expect.poll(() => answersRunning(server().url)).toBe(0);
    expect((await ask()).status).toBe(200);
  });
});

describe("embeddings", () => {
  it("are refused with a clear code while there is no embedder, after their request was checked", async () => {
    await expect(api().embeddings.create({ model: "embedder", input: "hello" })).rejects.toMatchObject({
      status: 503,
      code: "embedder-unavailable",
    });
    await expect(api().embeddings.create({ model: "support", input: "hello" })).rejects.toMatchObject({
      status: 404,
    });
    await expect(api().embeddings.create({ model: "embedder", input: [1, 2, 3] })).rejects.toMatchObject({
      status: 400,
      param: "input",
      code: "unsupported_parameter",
    });
    await expect(api().embeddings.create({ model: "embedder", input: ["a", ""] })).rejects.toMatchObject({
      status: 400,
      param: "input[1]",
    });
  });
});
