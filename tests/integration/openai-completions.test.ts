import { describe, expect, it } from "vitest";
import { shippedVersion } from "../support/adapters.ts";
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
import { serverForAll, startServer } from "../support/server.ts";

const server = serverForAll();
const api = () => openAi(server().url);

describe("a completion", () => {
  it("is routed, and says by whom it was answered, in its body and in its headers", async () => {
    const { data, response } = await api()
      .chat.completions.create({ model: "auto", messages: [refund], max_tokens: 24 })
      .withResponse();
    expect(data).toMatchObject({
      object: "chat.completion",
      model: shippedVersion("support"),
      choices: [{ index: 0, message: { role: "assistant" }, logprobs: null, finish_reason: "length" }],
      usage: { completion_tokens: 24 },
    });
    expect(textOf(data).length).toBeGreaterThan(20);
    expect(data.usage?.total_tokens).toBe((data.usage?.prompt_tokens ?? 0) + 24);
    expect(data.created).toBeCloseTo(Date.now() / 1000, -2);
    const said = patchbayOf(data);
    expect(said).toMatchObject({ adapter: "support", version: shippedVersion("support"), pinned: false });
    expect(said.confidence).toBeGreaterThan(0.3);
    expect(said.runnerUp?.adapter).toBeTypeOf("string");
    expect(said.timings?.[0]?.totalMs).toBeGreaterThan(0);
    expect(response.headers.get("x-request-id")).toBe(data.id);
    expect(response.headers.get("x-patchbay-adapter")).toBe("support");
    expect(response.headers.get("x-patchbay-version")).toBe(shippedVersion("support"));
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
      await expect.poll(() => answersRunning(url)).toBe(1);
      gone.abort();
      await expect(asked).rejects.toThrow();
      await expect.poll(() => answersRunning(url), { timeout: 2_000 }).toBe(0);
    }
  });
});
