import { describe, expect, it } from "vitest";
import { collect, long, openAi, refund, textOf, user } from "../support/openai.ts";
import { serverForAll } from "../support/server.ts";

const server = serverForAll();
const api = () => openAi(server().url);

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

  it("come with each of several answers that are written at once, which stay as they are alone", async () => {
    const asked = { model: "base", messages: [long], max_tokens: 20, temperature: 1, logprobs: true };
    const three = await api().chat.completions.create({ ...asked, n: 3, seed: 40, top_logprobs: 2 });
    for (const [index, { logprobs }] of three.choices.entries()) {
      const content = logprobs?.content ?? [];
      expect(content.map(({ token }) => token).join("")).toBe(textOf(three, index));
      const alone = await api().chat.completions.create({ ...asked, seed: 40 + index });
      expect(textOf(alone)).toBe(textOf(three, index));
      alone.choices[0]?.logprobs?.content?.forEach(({ logprob }, at) => {
        expect(logprob).toBeCloseTo(content[at]?.logprob ?? Number.NaN, 1);
      });
    }
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
