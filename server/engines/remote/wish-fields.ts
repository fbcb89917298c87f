import type { GenerateRequest } from "../engine.ts";

/**
 * What a client may want of an answer, as fields of a chat completion request; empty where it wants nothing special.
 * https://platform.openai.com/docs/api-reference/chat/create
 */
export function wishFields({ sampling, stop, format, logprobs }: GenerateRequest) {
  const { presencePenalty, frequencyPenalty } = sampling;
  return {
    ...(stop && stop.length > 0 && { stop: [...stop] }),
    ...(presencePenalty && { presence_penalty: presencePenalty }),
    ...(frequencyPenalty && { frequency_penalty: frequencyPenalty }),
    ...(format && { response_format: responseFormat(format) }),
    ...(logprobs && { logprobs: true, top_logprobs: logprobs.top }),
  };
}

function responseFormat(format: NonNullable<GenerateRequest["format"]>) {
  if (format.type === "json") return { type: "json_object" as const };
  // Not every server knows GbnfJsonSchema's type, which is a part of JSON Schema.
  const schema = withRequired(format.schema) as Record<string, unknown>;
  return { type: "json_schema" as const, json_schema: { name: "answer", schema, strict: true } };
}

/** A grammar here writes every property of an object; elsewhere only those are certain that a schema requires. */
function withRequired(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withRequired);
  if (typeof schema !== "object" || schema === null) return schema;
  const keywords = Object.fromEntries(
    Object.entries(schema).map(([word, value]) => [
      // Of alternatives only one need hold, as here, and OpenAI knows no other word for them.
      word === "oneOf" ? "anyOf" : word,
      // Names of one's own stand below these, not keywords.
      word === "properties" || word === "$defs" ? mapValues(value, withRequired) : withRequired(value),
    ]),
  );
  const names = Object.keys((schema as { properties?: object }).properties ?? {});
  return names.length > 0 ? { ...keywords, required: names } : keywords;
}

const mapValues = (values: object, map: (value: unknown) => unknown) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
