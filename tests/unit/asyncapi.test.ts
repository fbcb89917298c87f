import fs from "node:fs";
import { createRequire } from "node:module";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { asyncApiDocument } from "../../server/protocol/asyncapi.ts";
import { clientEvents, serverEvents } from "../../server/protocol/index.ts";

const written = JSON.parse(fs.readFileSync("docs/asyncapi.json", "utf8"));
const { version } = JSON.parse(fs.readFileSync("package.json", "utf8"));

describe("docs/asyncapi.json", () => {
  it("is what the schemas say now (else: npm run asyncapi)", () => {
    expect(written).toEqual(JSON.parse(JSON.stringify(asyncApiDocument(version))));
  });

  it("is a valid AsyncAPI 3.0 document", () => {
    const specification = createRequire(import.meta.url)("@asyncapi/specs/schemas/3.0.0.json");
    const ajv = new Ajv({ strict: false, validateFormats: false, meta: false });
    const validate = ajv.compile(specification);
    expect(validate(written), ajv.errorsText(validate.errors)).toBe(true);
    expect(validate({ ...written, operations: { stop: { action: "shout" } } })).toBe(false);
  });

  it("has an operation for every event, and every pointer in it leads somewhere", () => {
    const names = Object.values(written.channels.socket.messages as Record<string, { name: string }>);
    for (const event of [...Object.keys(clientEvents), ...Object.keys(serverEvents)])
      expect(names.map(({ name }) => name)).toContain(event);
    expect(Object.keys(written.operations)).toHaveLength(
      Object.keys(clientEvents).length + Object.keys(serverEvents).length,
    );
    const pointers = [...JSON.stringify(written).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path);
    expect(pointers.length).toBeGreaterThan(50);
    for (const pointer of pointers) {
      const target = pointer?.split("/").reduce((value, key) => value?.[key], written);
      expect(target, pointer).toBeTypeOf("object");
    }
  });
});
