import fs from "node:fs";
import path from "node:path";
import { APIUserAbortError, BadRequestError, NotFoundError } from "openai";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../../db/index.ts";
import { exportKto, type KtoRow } from "../../server/feedback/index.ts";
import type { Health } from "../../server/protocol/index.ts";
import { temporaryFolder } from "../support/folder.ts";
import { collect, openAi, patchbayOf, post, textOf } from "../support/openai.ts";
import { newPerson, serverForAll, startServer } from "../support/server.ts";

const server = serverForAll();
const api = () => openAi(server().url);
const user = (content: string) => ({ role: "user" as const, content });
const refund = user("I was charged twice, how do I get my money back?");
const long = user("Please write a very long and detailed story about a lighthouse keeper.");

/** Answers that are being written or wait. */
async function busy(): Promise<number> {
  const health = (await (await fetch(`${server().url}/health`)).json()) as Extract<
    Health,
    { status: "ready" }
  >;
  return health.queue.running + health.queue.waiting;
}

describe("a completion", () => {
  it("is routed, and says by whom it was answered, in its body and in its headers", async () => {
    const { data, response } = await api()
      .chat.completions.create({ model: "auto", messages: [refund], max_tokens: 24 })
      .withResponse();
    expect(data).toMatchObject({
      object: "chat.completion",
      model: "support@1",
      choices: [{ index: 0, message: { role: "assistant" }, logprobs: null, finish_reason: "length" }],
      usage: { completion_tokens: 24 },
    });
    expect(textOf(data).length).toBeGreaterThan(20);
    expect(data.usage?.total_tokens).toBe((data.usage?.prompt_tokens ?? 0) + 24);
    expect(data.created).toBeCloseTo(Date.now() / 1000, -2);
    const said = patchbayOf(data);
    expect(said).toMatchObject({ adapter: "support", version: "support@1", pinned: false });
    expect(said.confidence).toBeGreaterThan(0.3);
    expect(said.runnerUp?.adapter).toBeTypeOf("string");
    expect(said.timings?.[0]?.totalMs).toBeGreaterThan(0);
    expect(response.headers.get("x-request-id")).toBe(data.id);
    expect(response.headers.get("x-patchbay-adapter")).toBe("support");
    expect(response.headers.get("x-patchbay-version")).toBe("support@1");
    expect(response.headers.get("x-patchbay-sha256")).toBe(said.sha256);
    expect(Number(response.headers.get("x-patchbay-confidence"))).toBeCloseTo(said.confidence, 3);
  });

  it("streams the text that it gives in one piece for the same seed, and its usage at the end", async () => {
    const asked = { model: "support", messages: [refund], max_completion_tokens: 40, seed: 5 };
    const whole = await api().chat.completions.create(asked);
    const chunks = await collect(
      await api().chat.completions.create({
        ...asked,
        stream: true,
        stream_options: { include_usage: true },
      }),
    );
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(textOf(whole));
    expect(chunks.filter(({ choices }) => choices[0]?.delta.content).length).toBeGreaterThan(1);
    expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(patchbayOf(chunks[0])).toMatchObject({ adapter: "support", pinned: true, seeds: [5] });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe(whole.choices[0]?.finish_reason);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 40 } });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(await collect(await api().chat.completions.create({ ...asked, stream: true }))).not.toContainEqual(
      expect.objectContaining({ usage: expect.anything() }),
    );
  });

  it("ends before a stop sequence and never shows a part of it", async () => {
    const asked = { model: "base", messages: [long], max_tokens: 60, seed: 3 };
    const text = textOf(await api().chat.completions.create(asked));
    const stop = text.slice(30, 37);
    const stopped = await api().chat.completions.create({ ...asked, stop: ["not in there", stop] });
    expect(textOf(stopped)).toBe(text.slice(0, text.indexOf(stop)));
    expect(stopped.choices[0]?.finish_reason).toBe("stop");
    const chunks = await collect(await api().chat.completions.create({ ...asked, stop, stream: true }));
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(textOf(stopped));
  });

  it("takes temperature, seed and penalties", async () => {
    const asked = { model: "base", messages: [long], max_tokens: 40 };
    const answers = await Promise.all(
      [
        { temperature: 0, seed: 1 },
        { temperature: 0, seed: 2 },
        { temperature: 1.5, seed: 1 },
        { temperature: 1.5, seed: 2 },
        { temperature: 0, frequency_penalty: 2, presence_penalty: 2 },
      ].map(async (sampling) => textOf(await api().chat.completions.create({ ...asked, ...sampling }))),
    );
    expect(answers[0]).toBe(answers[1]);
    expect(new Set(answers).size).toBe(4);
  });

  it("comes n times, with seeds that are told and that give the same answer again", async () => {
    const asked = { model: "base", messages: [long], max_tokens: 24, temperature: 1 };
    const three = await api().chat.completions.create({ ...asked, n: 3, seed: 2 ** 31 - 2 });
    expect(three.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(patchbayOf(three).seeds).toEqual([2 ** 31 - 2, 2 ** 31 - 1, 0]);
    expect(new Set(three.choices.map((_, index) => textOf(three, index))).size).toBe(3);
    expect(three.usage?.completion_tokens).toBe(72);
    const third = await api().chat.completions.create({ ...asked, seed: patchbayOf(three).seeds[2] ?? -1 });
    expect(textOf(third)).toBe(textOf(three, 2));
    const chunks = await collect(await api().chat.completions.create({ ...asked, n: 2, stream: true }));
    for (const index of [0, 1]) {
      const own = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
      expect(own[0]?.delta.role).toBe("assistant");
      expect(own.at(-1)?.finish_reason).toBe("length");
    }
  });

  it("reads content parts, developer messages and the whole conversation", async () => {
    const answer = await api().chat.completions.create({
      model: "base",
      temperature: 0,
      max_tokens: 30,
      messages: [
        { role: "developer", content: "You answer in one short sentence." },
        { role: "user", content: [{ type: "text", text: "My name is Wilhelmina." }] },
        { role: "assistant", content: "Nice to meet you, Wilhelmina." },
        {
          role: "user",
          content: [
            { type: "text", text: "What is my name?" },
            { type: "text", text: "Say it." },
          ],
        },
      ],
    });
    expect(textOf(answer)).toContain("Wilhelmina");
  });

  it("stays with the expert of the turns before where a follow-up says nothing by itself", async () => {
    const answer = await api().chat.completions.create({
      model: "auto",
      max_tokens: 8,
      messages: [refund, { role: "assistant", content: "Which order was it?" }, user("the first one")],
    });
    expect(patchbayOf(answer).adapter).toBe("support");
  });

  it("drops the oldest turns where they do not fit, and says how many", async () => {
    const messages = Array.from({ length: 60 }, (_, index) => [
      user(`This is part ${index} of a long talk about the weather of the north and of the south.`),
      { role: "assistant" as const, content: "Go on, I am listening to all that you have to say." },
    ]).flat();
    const answer = await api().chat.completions.create({
      model: "base",
      max_tokens: 4,
      messages: [...messages, user("And now?")],
    });
    expect(patchbayOf(answer).droppedTurns).toBeGreaterThan(5);
    expect(answer.usage?.prompt_tokens).toBeGreaterThan(1000);
  });

  it("that loses its model process in mid-stream ends with an error, and the next one is answered", async () => {
    const patchbay = await startServer();
    const client = openAi(patchbay.url);
    const asked = { model: "base", messages: [long], max_tokens: 1000 };
    const reading = (async () => {
      for await (const chunk of await client.chat.completions.create({ ...asked, stream: true }))
        if (chunk.choices[0]?.delta.content && patchbay.enginePid)
          process.kill(patchbay.enginePid, "SIGKILL");
    })();
    await expect(reading).rejects.toMatchObject({ code: "engine-crashed", type: "server_error" });
    const next = await client.chat.completions.create({ ...asked, max_tokens: 4 });
    expect(next.usage?.completion_tokens).toBe(4);
  });

  it("ends when its caller goes away", async () => {
    const { url } = server();
    for (const stream of [true, false]) {
      const gone = new AbortController();
      const body = { model: "base", messages: [long], max_tokens: 1500, stream };
      const asked = fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: gone.signal,
      }).then((response) => response.text());
      await expect.poll(busy).toBe(1);
      gone.abort();
      await expect(asked).rejects.toThrow();
      await expect.poll(busy, { timeout: 2_000 }).toBe(0);
    }
  });
});

describe("log-probabilities", () => {
  it("are those of the model before sampling, with the likeliest alternatives", async () => {
    const asked = { model: "support", messages: [refund], max_tokens: 20, logprobs: true, top_logprobs: 3 };
    const answer = await api().chat.completions.create({
      ...asked,
      temperature: 0,
      repeat_penalty: 1,
    } as typeof asked);
    const content = answer.choices[0]?.logprobs?.content ?? [];
    expect(content).toHaveLength(20);
    expect(content.map(({ token }) => token).join("")).toBe(textOf(answer));
    for (const { token, logprob, bytes, top_logprobs } of content) {
      expect(top_logprobs).toHaveLength(3);
      // Greedy: the likeliest token is the one that was taken.
      expect(top_logprobs[0]).toMatchObject({ token, logprob });
      expect(logprob).toBeLessThanOrEqual(0);
      expect(Buffer.from(bytes ?? []).toString()).toBe(token);
      const sorted = top_logprobs.map((each) => each.logprob);
      expect(sorted).toEqual(sorted.toSorted((one, other) => other - one));
      expect(sorted.reduce((sum, each) => sum + Math.exp(each), 0)).toBeLessThanOrEqual(1.0001);
    }
  });

  it("do not depend on temperature, cut or streaming, and leave the answer as it is", async () => {
    const asked = { model: "base", messages: [long], max_tokens: 21, temperature: 1.2, top_p: 0.9, seed: 11 };
    const plain = await api().chat.completions.create(asked);
    const whole = await api().chat.completions.create({ ...asked, logprobs: true });
    expect(textOf(whole)).toBe(textOf(plain));
    const logprobs = whole.choices[0]?.logprobs?.content ?? [];
    expect(logprobs.every(({ top_logprobs }) => top_logprobs.length === 0)).toBe(true);
    expect(logprobs.some(({ logprob }) => logprob < -1)).toBe(true);
    const chunks = await collect(
      await api().chat.completions.create({ ...asked, logprobs: true, stream: true }),
    );
    const streamed = chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? []);
    expect(streamed.map(({ token }) => token)).toEqual(logprobs.map(({ token }) => token));
    streamed.forEach(({ logprob }, index) => {
      expect(logprob).toBeCloseTo(logprobs[index]?.logprob ?? Number.NaN, 1);
    });
  });
});

describe("a response format", () => {
  const person = {
    type: "object",
    properties: {
      name: { type: "string", maxLength: 30 },
      mood: { enum: ["calm", "angry"] },
      age: { anyOf: [{ type: "integer" }, { type: "null" }] },
      tags: { type: "array", items: { $ref: "#/$defs/tag" }, minItems: 1, maxItems: 2 },
    },
    required: ["name", "mood", "age", "tags"],
    additionalProperties: false,
    $defs: { tag: { type: "string", maxLength: 12 } },
  };
  const schema = (value: Record<string, unknown>) => ({
    type: "json_schema" as const,
    json_schema: { name: "person", strict: true, schema: value },
  });

  it("of a schema is kept to, by experts too, whole and streamed", async () => {
    for (const model of ["base", "support"]) {
      const asked = {
        model,
        messages: [user("Describe an angry customer called Tom, 40 years old, as JSON.")],
        response_format: schema(person),
        max_tokens: 200,
        seed: 4,
      };
      const answer = await api().chat.completions.create(asked);
      const value = JSON.parse(textOf(answer));
      expect(Object.keys(value)).toEqual(["name", "mood", "age", "tags"]);
      expect(["calm", "angry"]).toContain(value.mood);
      expect(value.tags.length).toBeGreaterThan(0);
      expect(answer.choices[0]?.finish_reason).toBe("stop");
      const chunks = await collect(await api().chat.completions.create({ ...asked, stream: true }));
      expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(textOf(answer));
    }
  });

  it("of any JSON object gives one, with log-probabilities if wanted", async () => {
    const answer = await api().chat.completions.create({
      model: "base",
      messages: [user('Give me a JSON object with the key "colour".')],
      response_format: { type: "json_object" },
      logprobs: true,
      max_tokens: 200,
      temperature: 0,
    });
    if (answer.choices[0]?.finish_reason === "stop") expect(JSON.parse(textOf(answer))).toBeTypeOf("object");
    expect(textOf(answer).trimStart().startsWith("{")).toBe(true);
    expect(answer.choices[0]?.logprobs?.content?.length).toBeGreaterThan(3);
  });

  it.each([
    [{ type: "object", properties: { age: { type: "integer", minimum: 3 } } }, "properties.age.minimum"],
    [{ type: "object", properties: { mail: { type: "string", format: "email" } } }, "properties.mail.format"],
    [{ type: "array", items: { allOf: [{ type: "string" }] } }, "items.allOf"],
  ])("of more than a grammar can do is refused with its path: %j", async (value, at) => {
    const refused = api().chat.completions.create({
      model: "base",
      messages: [refund],
      response_format: schema(value),
    });
    await expect(refused).rejects.toMatchObject({
      status: 400,
      param: `response_format.json_schema.schema.${at}`,
      code: "schema-unsupported",
      type: "invalid_request_error",
    });
  });
});

describe("the models", () => {
  it("are the router, the base model, every adapter and every version of it", async () => {
    const models = await collect(await api().models.list());
    const ids = models.map(({ id }) => id);
    expect(ids.slice(0, 2)).toEqual(["auto", "base"]);
    for (const id of ["support", "health", "education", "entertainment"]) {
      expect(ids).toContain(id);
      expect(ids).toContain(`${id}@1`);
    }
    expect(await api().models.retrieve("support@1")).toMatchObject({ object: "model", owned_by: "patchbay" });
    await expect(api().models.retrieve("gpt-4o")).rejects.toBeInstanceOf(NotFoundError);
  });

  it("of a version answer as that version, also where another one is current", async () => {
    const adaptersDir = temporaryFolder();
    fs.cpSync("adapters/support", path.join(adaptersDir, "support"), { recursive: true });
    const versions = path.join(adaptersDir, "support", "versions");
    const other = fs.readdirSync("adapters/health/versions");
    for (const name of other)
      fs.copyFileSync(path.join("adapters/health/versions", name), path.join(versions, name));
    const card = path.join(versions, other.find((name) => name.endsWith(".json")) ?? "");
    fs.writeFileSync(card, JSON.stringify({ ...JSON.parse(fs.readFileSync(card, "utf8")), ordinal: 2 }));
    const { url } = await startServer({ adaptersDir });
    const client = openAi(url);
    const asked = { messages: [refund], max_tokens: 30, temperature: 0 };
    const [current, first, second] = [
      await client.chat.completions.create({ ...asked, model: "support" }),
      await client.chat.completions.create({ ...asked, model: "support@1" }),
      await client.chat.completions.create({ ...asked, model: "support@2" }),
    ];
    expect([current, first, second].map(({ model }) => model)).toEqual([
      "support@1",
      "support@1",
      "support@2",
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
    await expect.poll(busy, { timeout: 10_000 }).toBe(64);
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ error: { code: "rate_limit_exceeded", type: "rate_limit_error" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    gone.abort();
    for (const ended of await Promise.all(running)) expect(ended).toBeInstanceOf(APIUserAbortError);
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
