import { z } from "zod";
import type { CompletionRequest } from "../../chat/index.ts";
import { limits } from "../../protocol/index.ts";
import { EMBEDDER } from "./embeddings.ts";
import { badParameter, parseBody, unsupportedParameter } from "./parse-body.ts";

/*
 * https://platform.openai.com/docs/api-reference/chat/create, as far as a local model can honour it.
 */

const TextPart = z.object({
  type: z.literal("text", "this server reads text parts only"),
  text: z.string("has to be a string"),
});
const Content = z.union([z.string(), z.array(TextPart)], "has to be a string or a list of text parts");
const Message = z.object({
  role: z.enum(
    ["system", "developer", "user", "assistant"],
    "has to be system, developer, user or assistant",
  ),
  content: Content.nullish(),
  tool_calls: z.array(z.unknown()).max(0, "this server calls no tools").nullish(),
});
type Message = z.infer<typeof Message>;

const ResponseFormat = z.discriminatedUnion(
  "type",
  [
    z.object({ type: z.literal("text") }),
    z.object({ type: z.literal("json_object") }),
    z.object({
      type: z.literal("json_schema"),
      json_schema: z.object({ schema: z.record(z.string(), z.unknown()) }),
    }),
  ],
  "its type has to be text, json_object or json_schema",
);

const tokens = z.int().min(1).max(1_000_000);
const penalty = z.number().min(-2).max(2);
const stopText = z.string().min(1).max(256);

/** Says something of what this server does not have: accepted, and of no effect. */
const harmless = {
  metadata: z.record(z.string(), z.unknown()),
  store: z.boolean(),
  service_tier: z.string(),
  safety_identifier: z.string(),
  prompt_cache_key: z.string(),
  prompt_cache_retention: z.string(),
  parallel_tool_calls: z.boolean(),
  tool_choice: z.unknown(),
  function_call: z.unknown(),
  reasoning_effort: z.string(),
  verbosity: z.string(),
};

const Body = z.strictObject({
  model: z.string().min(1).max(100),
  messages: z.array(Message).min(1).max(10_000),
  stream: z.boolean().optional(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).optional(),
  n: z.int().min(1).max(limits.choices).optional(),
  max_tokens: tokens.optional(),
  max_completion_tokens: tokens.optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  presence_penalty: penalty.optional(),
  frequency_penalty: penalty.optional(),
  // Not OpenAI's, but llama-server's and vLLM's.
  top_k: z.int().min(0).max(1_000_000).optional(),
  min_p: z.number().min(0).max(1).optional(),
  repeat_penalty: z.number().min(1).max(2).optional(),
  seed: z.int().optional(),
  stop: z.union([stopText, z.array(stopText).max(4)]).optional(),
  logprobs: z.boolean().optional(),
  top_logprobs: z.int().min(0).max(20).optional(),
  response_format: ResponseFormat.optional(),
  user: z.string().max(200).optional(),
  ...z.object(harmless).partial().shape,
});
type Body = z.infer<typeof Body>;

/** What changes an answer in a way that is not possible here, unless it asks for nothing. */
const UNSUPPORTED: Record<string, string> = {
  tools: "This server calls no tools.",
  functions: "This server calls no functions.",
  audio: "This server writes text only.",
  web_search_options: "This server does not search the web.",
  logit_bias: "This server has no logit bias: token ids are those of its own model.",
  prediction: "This server takes no predicted outputs.",
};

export interface ParsedRequest {
  completion: CompletionRequest;
  stream: boolean;
  includeUsage: boolean;
}

/** @throws {PatchbayError} `bad-request` or `parameter-unsupported`, with `details.param` */
export function parseCompletionRequest(raw: unknown): ParsedRequest {
  const body = parseBody(Body, withoutUnsupported(raw));
  if (body.model === EMBEDDER)
    throw badParameter("model", `"${EMBEDDER}" answers nothing: it makes vectors, POST /v1/embeddings.`);
  const turns = body.messages.flatMap((message) => {
    const { role } = message;
    return role === "user" || role === "assistant" ? [{ role, text: textOf(message) }] : [];
  });
  const last = turns.at(-1);
  if (last?.role !== "user" || last.text.trim() === "")
    throw badParameter("messages", "The last of the messages has to be a user's, with some text in it.");
  const instructions = body.messages.filter(({ role }) => role === "system" || role === "developer");
  const system = instructions.map(textOf).join("\n\n").trim();
  const format = formatOf(body);
  return {
    completion: {
      model: body.model,
      turns,
      count: body.n ?? 1,
      wishes: { sampling: samplingOf(body), ...wishesOf(body), ...(system !== "" && { system }) },
      ...(format && { format }),
      ...(body.user !== undefined && { endUser: body.user }),
    },
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
  };
}

function withoutUnsupported(raw: unknown): unknown {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return raw;
  const body: Record<string, unknown> = { ...raw };
  for (const [param, message] of Object.entries(UNSUPPORTED)) {
    if (asksForSomething(body[param])) throw unsupportedParameter(param, message);
    delete body[param];
  }
  const { modalities } = body;
  if (Array.isArray(modalities) && modalities.some((modality) => modality !== "text"))
    throw unsupportedParameter("modalities", "This server writes text only.");
  delete body.modalities;
  return body;
}

function asksForSomething(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

function samplingOf(body: Body): NonNullable<CompletionRequest["wishes"]["sampling"]> {
  const maxTokens = body.max_completion_tokens ?? body.max_tokens;
  return {
    ...(maxTokens !== undefined && { maxTokens }),
    ...(body.temperature !== undefined && { temperature: body.temperature }),
    ...(body.top_p !== undefined && { topP: body.top_p }),
    ...(body.top_k !== undefined && { topK: body.top_k }),
    ...(body.min_p !== undefined && { minP: body.min_p }),
    ...(body.repeat_penalty !== undefined && { repeatPenalty: body.repeat_penalty }),
    ...(body.presence_penalty !== undefined && { presencePenalty: body.presence_penalty }),
    ...(body.frequency_penalty !== undefined && { frequencyPenalty: body.frequency_penalty }),
  };
}

function wishesOf(body: Body): Pick<CompletionRequest["wishes"], "seed" | "stop" | "logprobs"> {
  const { seed, stop = [], logprobs = false, top_logprobs: top = 0 } = body;
  if (top > 0 && !logprobs)
    throw badParameter("top_logprobs", "The 'top_logprobs' parameter needs 'logprobs' to be true.");
  return {
    stop: typeof stop === "string" ? [stop] : stop,
    ...(seed !== undefined && { seed: toSeed(seed) }),
    ...(logprobs && { logprobs: { top } }),
  };
}

function formatOf({ response_format: format }: Body): CompletionRequest["format"] {
  if (format?.type === "json_object") return { type: "json" };
  return format?.type === "json_schema"
    ? { type: "json-schema", schema: format.json_schema.schema }
    : undefined;
}

/** Callers may use any whole number. */
const toSeed = (seed: number): number => ((seed % 2 ** 31) + 2 ** 31) % 2 ** 31;

function textOf({ content }: Message): string {
  if (!content) return "";
  return typeof content === "string" ? content : content.map(({ text }) => text).join("\n");
}
