import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../server/config.ts";
import { defaultOrder } from "../../server/engines-file.ts";
import { shownPrograms } from "../support/documentation.ts";
import { temporaryFolder } from "../support/folder.ts";
import { enginesFile } from "../support/remote.ts";

const cloud = { type: "openai", model: "gpt", apiKey: "$" + "{CLOUD_KEY}" };
const box = { type: "vllm", baseURL: "http://box:8000/v1", model: "base" };

describe("the engines file", () => {
  it("needs no more than a type and a model, and takes keys from the environment", () => {
    const file = enginesFile({ engines: { cloud } }, { CLOUD_KEY: "sk-1" });
    expect(file.engines.cloud).toMatchObject({
      baseURL: "https://api.openai.com/v1",
      apiKey: "sk-1",
      firstTokenSeconds: 60,
      retries: 2,
    });
    expect(defaultOrder(file)).toEqual(["local", "cloud"]);
  });

  it("of the README is one, and so is that of the documentation", () => {
    const shown = shownPrograms("json", '"engines"').map(({ page, source }) => {
      const { engines, order } = enginesFile(JSON.parse(source), { OPENAI_API_KEY: "sk-1" });
      return { page, engines: Object.keys(engines), ordered: Object.keys(order) };
    });
    expect(shown).toEqual([
      { page: "README.md", engines: ["box"], ordered: ["default", "health"] },
      { page: "docs/engines.md", engines: ["box", "cloud"], ordered: ["default", "health", "base"] },
    ]);
  });

  it.each<[string, object, string]>([
    ["a variable that is not set", { engines: { cloud } }, "environment variable CLOUD_KEY is not set"],
    ["an unknown type", { engines: { box: { ...box, type: "vlm" } } }, "engines.box.type"],
    ["a misspelt setting", { engines: { box: { ...box, baseUrl: "x" } } }, "baseUrl"],
    [
      "an address without http",
      { engines: { box: { ...box, baseURL: "box:8000" } } },
      "engines.box.baseURL: an address such as",
    ],
    ["a missing model", { engines: { box: { type: "vllm", baseURL: box.baseURL } } }, "engines.box.model"],
    ["an adapter without version", { engines: { box: { ...box, adapters: { support: "x" } } } }, "support"],
    ["a name that is taken", { engines: { local: box } }, "means the model on this machine"],
    [
      "an order of strangers",
      { engines: { box }, order: { health: ["bix"] } },
      'order.health: there is no engine "bix"; there are local, box',
    ],
    ["an empty order", { engines: { box }, order: { default: [] } }, "order.default"],
    [
      "a price below nothing",
      { engines: { box: { ...box, price: { prompt: -1, completion: 1 } } } },
      "engines.box.price.prompt",
    ],
  ])("is refused for %s, with the place", (_, content, place) => {
    expect(() => enginesFile(content)).toThrow(
      expect.objectContaining({ code: "bad-request", message: expect.stringContaining(place) }),
    );
  });

  it("is named by PATCHBAY_ENGINES, and an error says what is wrong with it", () => {
    expect(readConfig({}).engines).toBeNull();
    const missing = path.join(temporaryFolder(), "engines.json");
    const read = () => readConfig({ PATCHBAY_ENGINES: missing });
    expect(read).toThrow(expect.objectContaining({ message: expect.stringContaining("cannot be read") }));
    fs.writeFileSync(missing, "{ engines: }");
    expect(read).toThrow(expect.objectContaining({ message: expect.stringContaining("is not JSON") }));
  });
});
