import { expect, it } from "vitest";
import { type Act, FaultyServer, replies, says } from "../support/faulty-server.ts";
import { openAi, refund, textOf } from "../support/openai.ts";
import { enginesFile } from "../support/remote.ts";
import { startServer } from "../support/server.ts";

const chance = { token: "{}", logprob: -0.25, top_logprobs: [{ token: "{}", logprob: -0.25 }] };
const answersJson = says({
  choices: [{ index: 0, delta: { content: "{}" }, logprobs: { content: [chance] }, finish_reason: "stop" }],
});
/** llama-server is asked for its adapters too. */
const answersByPath: Act = (response, request) =>
  (request.url?.endsWith("/lora-adapters") ? replies(200, []) : answersJson)(response, request);

const schema = {
  type: "object",
  properties: {
    required: { enum: [3, 5] },
    rows: { type: "array", items: { type: "object", properties: { a: { type: "null" } } } },
  },
};
/** Every property is always written here, so it has to be elsewhere. */
const sentSchema = {
  type: "object",
  properties: {
    required: { enum: [3, 5] },
    rows: {
      type: "array",
      items: {
        type: "object",
        properties: { a: { type: "null" } },
        required: ["a"],
        additionalProperties: false,
      },
    },
  },
  required: ["required", "rows"],
  additionalProperties: false,
};

const wishes = {
  stop: ["\n\n", "END"],
  presence_penalty: 0.5,
  frequency_penalty: -0.25,
  logprobs: true,
  top_logprobs: 3,
};
const sampling = { seed: 17, temperature: 0.4, top_p: 0.6, max_tokens: 33 };

it.each<[string, (url: string) => object]>([
  ["openai", (url) => ({ type: "openai", baseURL: `${url}/v1` })],
  ["llama-server", (url) => ({ type: "llama-server", baseURL: `${url}/v1` })],
  ["vllm", (url) => ({ type: "vllm", baseURL: `${url}/v1` })],
  ["sglang", (url) => ({ type: "sglang", baseURL: `${url}/v1` })],
  ["huggingface", (url) => ({ type: "huggingface", endpointUrl: url })],
])("what a caller wishes of an answer reaches an engine of type %s, and nothing else", async (_, entry) => {
  const box = await FaultyServer.start(answersByPath);
  const { url } = await startServer({
    engines: enginesFile({
      engines: { box: { ...entry(box.url), model: "some-model" } },
      order: { default: ["box"] },
    }),
  });
  const asked = { model: "support", messages: [refund], ...sampling };
  const answer = await openAi(url).chat.completions.create({
    ...asked,
    ...wishes,
    response_format: { type: "json_schema", json_schema: { name: "anything", schema } },
  });
  await openAi(url).chat.completions.create(asked);
  expect(textOf(answer)).toBe("{}");
  expect(answer.choices[0]?.logprobs?.content).toMatchObject([chance]);
  const sent = box.requests.filter(({ path }) => path.endsWith("/chat/completions"));
  const [wished, plain] = sent.map(({ body }) => body);
  expect(sent).toHaveLength(2);
  expect(wished).toMatchObject({
    ...sampling,
    ...wishes,
    stream: true,
    messages: [{ role: "system" }, refund],
  });
  expect(wished?.response_format).toEqual({
    type: "json_schema",
    json_schema: { name: "answer", strict: true, schema: sentSchema },
  });
  expect(plain).toMatchObject(sampling);
  for (const wish of [...Object.keys(wishes), "response_format"]) expect(plain).not.toHaveProperty(wish);
});
