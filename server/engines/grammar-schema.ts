import type { GbnfJsonSchema } from "node-llama-cpp";
import { PatchbayError } from "../protocol/index.ts";

/**
 * A JSON schema that a grammar can enforce: what the model writes to the end under it is valid under the schema it came
 * from. Two things are left to chance: that only one alternative of a `oneOf` holds, which is read as `anyOf`, and an
 * integer written with a negative exponent, which node-llama-cpp's grammar lets pass.
 */
export type GrammarSchema = GbnfJsonSchema;

type Keywords = Record<string, unknown>;
type Literal = string | number | boolean | null;

/** Says nothing about what is valid. */
const ANNOTATIONS = [
  "$schema",
  "$id",
  "$comment",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  // Each reference is resolved where it stands.
  "$defs",
  "definitions",
];
/** What each type may say beside its annotations. `required` holds anyway: every property is always written. */
const KEYWORDS: Record<string, readonly string[]> = {
  object: ["properties", "required", "additionalProperties", "minProperties", "maxProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "format"],
  number: [],
  integer: [],
  boolean: [],
  null: [],
};
const FORMATS = ["date-time", "time", "date"];
const DEFINITION = /^#\/(?:\$defs|definitions)\/([^/]+)$/;
/** llama.cpp unrolls repetitions, and refuses those that would make the grammar too large. */
const MAX_COUNT = 1000;
const MAX_DEPTH = 32;

/**
 * Translates a JSON schema (draft 2020-12) to what node-llama-cpp makes a grammar of.
 * @throws {PatchbayError} `schema-unsupported` with `details.path`, such as `properties.name.pattern`, where a grammar
 * cannot promise what the schema says
 */
export function grammarSchema(schema: unknown): GrammarSchema {
  const root = keywordsOf(schema, []);
  const defs = { ...definitions(root, "definitions"), ...definitions(root, "$defs") };
  const translated = Object.entries(defs).map(([name, each]) => [
    name,
    translate(each, ["$defs", name], defs),
  ]);
  return {
    ...translate(root, [], defs),
    ...(translated.length > 0 && { $defs: Object.fromEntries(translated) }),
  };
}

function translate(schema: unknown, path: string[], defs: Keywords): GrammarSchema {
  if (path.length > 2 * MAX_DEPTH) throw unsupported(path, `is nested more than ${MAX_DEPTH} deep`);
  const keywords = keywordsOf(schema, path);
  if ("$ref" in keywords) return reference(keywords, path, defs);
  const alternatives = keywords.anyOf !== undefined ? "anyOf" : "oneOf";
  if (keywords[alternatives] !== undefined) {
    onlyThese(keywords, [alternatives], path);
    const choices = listOf(keywords[alternatives], [...path, alternatives]);
    return {
      oneOf: choices.map((each, index) => translate(each, [...path, alternatives, `${index}`], defs)),
    };
  }
  if ("const" in keywords) return { enum: literals([keywords.const], keywords, "const", path) };
  if ("enum" in keywords)
    return { enum: literals(listOf(keywords.enum, [...path, "enum"]), keywords, "enum", path) };
  return ofType(keywords, path, defs);
}

/** Those of the values that have the schema's type, where it says one. */
function literals(values: unknown[], keywords: Keywords, word: "const" | "enum", path: string[]): Literal[] {
  onlyThese(keywords, [word, "type"], path);
  const types = keywords.type === undefined ? null : [keywords.type].flat();
  const typed = values.filter((value) => !types || typesOf(value).some((type) => types.includes(type)));
  if (typed.length === 0 || typed.some((value) => typeof value === "object" && value !== null))
    throw unsupported(
      [...path, word],
      "has to be strings, numbers, booleans or null, of the type that is asked for",
    );
  return typed as Literal[];
}

function typesOf(value: unknown): string[] {
  if (value === null) return ["null"];
  return Number.isInteger(value) ? ["number", "integer"] : [typeof value];
}

function ofType(keywords: Keywords, path: string[], defs: Keywords): GrammarSchema {
  const { type = impliedType(keywords) } = keywords;
  if (Array.isArray(type)) {
    // Keywords say something about values of their own type only.
    const foreign = (one: unknown) =>
      Object.entries(KEYWORDS).flatMap(([other, words]) => (other === one ? [] : words));
    return {
      oneOf: type.map((one) => {
        const own = Object.entries(keywords).filter(([word]) => !foreign(one).includes(word));
        return ofType({ ...Object.fromEntries(own), type: one }, path, defs);
      }),
    };
  }
  const known = typeof type === "string" ? KEYWORDS[type] : undefined;
  if (type === undefined) onlyThese(keywords, Object.values(KEYWORDS).flat(), path);
  if (!known)
    throw unsupported(
      [...path, "type"],
      `has to be one of ${Object.keys(KEYWORDS).join(", ")}, or a list of them`,
    );
  onlyThese(keywords, ["type", ...known], path);
  if (type === "object") return objectSchema(keywords, path, defs);
  if (type === "array") return arraySchema(keywords, path, defs);
  if (type === "string") return stringSchema(keywords, path);
  return { type: type as "number" | "integer" | "boolean" | "null" };
}

function objectSchema(keywords: Keywords, path: string[], defs: Keywords): GrammarSchema {
  const properties = Object.entries(keywordsOf(keywords.properties ?? {}, [...path, "properties"]));
  const names = properties.map(([name]) => name);
  const missing = listOf(keywords.required ?? [], [...path, "required"], 0).find(
    (name) => !names.includes(name as string),
  );
  if (missing !== undefined)
    throw unsupported([...path, "required"], `names "${missing}", which is not among the properties`);
  const { additionalProperties: others } = keywords;
  // Without a word on others, objects with properties of their own stay with those, which the schema allows.
  const open = others === undefined ? names.length === 0 : others;
  return {
    type: "object",
    properties: Object.fromEntries(
      properties.map(([name, each]) => [name, translate(each, [...path, "properties", name], defs)]),
    ),
    additionalProperties:
      typeof open === "boolean" ? open : translate(open, [...path, "additionalProperties"], defs),
    ...range(keywords, "minProperties", "maxProperties", path, names.length),
  };
}

function arraySchema(keywords: Keywords, path: string[], defs: Keywords): GrammarSchema {
  const { items, prefixItems } = keywords;
  return {
    type: "array",
    ...(items !== undefined && { items: translate(items, [...path, "items"], defs) }),
    ...(prefixItems !== undefined && {
      prefixItems: listOf(prefixItems, [...path, "prefixItems"]).map((each, index) =>
        translate(each, [...path, "prefixItems", `${index}`], defs),
      ),
    }),
    ...range(keywords, "minItems", "maxItems", path, listOf(prefixItems ?? [], path, 0).length),
  };
}

function stringSchema(keywords: Keywords, path: string[]): GrammarSchema {
  const { format } = keywords;
  if (format === undefined) return { type: "string", ...range(keywords, "minLength", "maxLength", path, 0) };
  if (!FORMATS.includes(format as string))
    throw unsupported([...path, "format"], `has to be one of ${FORMATS.join(", ")}`);
  onlyThese(keywords, ["type", "format"], path);
  return { type: "string", format: format as "date-time" | "time" | "date" };
}

function reference(keywords: Keywords, path: string[], defs: Keywords): GrammarSchema {
  onlyThese(keywords, ["$ref"], path);
  const name = DEFINITION.exec(String(keywords.$ref))?.[1];
  if (name === undefined || !Object.hasOwn(defs, name))
    throw unsupported([...path, "$ref"], "has to name one of the schema's own $defs, as #/$defs/name");
  return { $ref: `#/$defs/${name}` };
}

const definitions = (root: Keywords, word: string): Keywords => keywordsOf(root[word] ?? {}, [word]);

function impliedType(keywords: Keywords): string | undefined {
  if (keywords.properties !== undefined || keywords.additionalProperties !== undefined) return "object";
  return keywords.items !== undefined || keywords.prefixItems !== undefined ? "array" : undefined;
}

function keywordsOf(schema: unknown, path: string[]): Keywords {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema))
    throw unsupported(path, "has to be an object");
  return schema as Keywords;
}

function onlyThese(keywords: Keywords, allowed: readonly string[], path: string[]): void {
  const other = Object.keys(keywords).find((word) => ![...allowed, ...ANNOTATIONS].includes(word));
  if (other !== undefined) throw unsupported([...path, other], "is more than a grammar can enforce here");
}

function listOf(value: unknown, path: string[], atLeast = 1): unknown[] {
  if (!Array.isArray(value) || value.length < atLeast)
    throw unsupported(path, "has to be a list that is not empty");
  return value;
}

/** @param least what is always written */
function range(keywords: Keywords, min: string, max: string, path: string[], least: number) {
  const limits = { ...count(keywords, min, path), ...count(keywords, max, path) };
  const highest = limits[max];
  if (highest !== undefined && highest < Math.max(least, limits[min] ?? 0))
    throw unsupported([...path, max], "is less than what is written at least");
  return limits;
}

function count(keywords: Keywords, word: string, path: string[]): Record<string, number> {
  const value = keywords[word];
  if (value === undefined) return {};
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > MAX_COUNT)
    throw unsupported([...path, word], `has to be a whole number from 0 to ${MAX_COUNT}`);
  return { [word]: value };
}

const unsupported = (path: string[], problem: string): PatchbayError =>
  new PatchbayError("schema-unsupported", `The schema's ${path.join(".") || "root"} ${problem}.`, {
    hint: "Leave it out, or check the answer yourself.",
    details: { path: path.join(".") },
  });
