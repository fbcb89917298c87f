import { describe, expect, it } from "vitest";
import { grammarSchema } from "../../server/engines/index.ts";

const pathOf = (schema: unknown): unknown => {
  try {
    grammarSchema(schema);
    return null;
  } catch (error) {
    return (error as { details: { path: string } }).details.path;
  }
};

describe("a JSON schema for a grammar", () => {
  it("keeps what a grammar can enforce, without annotations", () => {
    expect(
      grammarSchema({
        $schema: "https://json-schema.org/draft/2020-12/schema",
        title: "Ticket",
        type: "object",
        properties: {
          subject: { type: "string", description: "in a few words", maxLength: 80 },
          urgent: { type: "boolean", default: false },
          due: { type: "string", format: "date" },
        },
        required: ["subject"],
        additionalProperties: false,
      }),
    ).toEqual({
      type: "object",
      properties: {
        subject: { type: "string", maxLength: 80 },
        urgent: { type: "boolean" },
        due: { type: "string", format: "date" },
      },
      additionalProperties: false,
    });
  });

  it("takes anyOf, oneOf as if it were that, lists of types and references as alternatives and definitions", () => {
    const node = {
      type: "object",
      properties: { next: { anyOf: [{ $ref: "#/definitions/node" }, { type: "null" }] } },
    };
    expect(grammarSchema({ $ref: "#/definitions/node", definitions: { node } })).toEqual({
      $ref: "#/$defs/node",
      $defs: {
        node: {
          type: "object",
          properties: { next: { oneOf: [{ $ref: "#/$defs/node" }, { type: "null" }] } },
          additionalProperties: false,
        },
      },
    });
    const alternatives = [{ type: "string" }, { const: 1 }];
    expect(grammarSchema({ oneOf: alternatives })).toEqual(grammarSchema({ anyOf: alternatives }));
    expect(grammarSchema({ type: ["string", "null"], maxLength: 5 })).toEqual({
      oneOf: [{ type: "string", maxLength: 5 }, { type: "null" }],
    });
    expect(grammarSchema({ type: "string", enum: [1, "a"] })).toEqual({ enum: ["a"] });
  });

  it.each<[unknown, string]>([
    ["text", ""],
    [{ type: "object", properties: { a: { type: "string", pattern: "^a" } } }, "properties.a.pattern"],
    [{ type: "number", minimum: 0 }, "minimum"],
    [{ type: ["integer", "null"], multipleOf: 2 }, "multipleOf"],
    [{ type: "array", items: { type: "string" }, uniqueItems: true }, "uniqueItems"],
    [{ type: "array", minItems: 3, maxItems: 2 }, "maxItems"],
    [{ type: "string", maxLength: 5000 }, "maxLength"],
    [{ type: "string", format: "uuid" }, "format"],
    [{ anyOf: [{ type: "string" }, { not: {} }] }, "anyOf.1.not"],
    [{ anyOf: [{ type: "string" }], allOf: [] }, "allOf"],
    [{ type: "object", properties: {}, required: ["a"] }, "required"],
    [{ type: "object", properties: { a: { type: "null" } }, maxProperties: 0 }, "maxProperties"],
    [{ $ref: "https://example.org/schema" }, "$ref"],
    [{ type: "array", items: { $ref: "#/$defs/missing" } }, "items.$ref"],
    [{ enum: [{ a: 1 }] }, "enum"],
    [{ const: "a", type: "number" }, "const"],
    [{ type: "date" }, "type"],
    [{}, "type"],
  ])("is refused at the place where it says more: %j", (schema, path) => {
    expect(pathOf(schema)).toBe(path);
  });
});
