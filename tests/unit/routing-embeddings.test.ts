import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { embeddingsOfTexts } from "../../server/routing/load.ts";
import { temporaryFolder } from "../support/folder.ts";

/** What each text's embedding is by an encoder that says the same number of every text, which tells when it was made. */
async function embedSaying(number: number, texts: string[], cache: string, model = "encoder.gguf") {
  const processPath = path.join(cache, `says-${number}.mjs`);
  fs.writeFileSync(
    processPath,
    `process.on("disconnect", () => process.exit());
    process.on("message", ({ type, id, texts }) => process.send(type === "load"
      ? { type: "loaded", dimensions: 2 }
      : { type: "embedded", id, vectors: texts.map(() => Float32Array.of(0, ${number})) }));`,
  );
  const embeddings = await embeddingsOfTexts(
    texts,
    { processPath, modelPath: path.join(cache, model) },
    cache,
  );
  return texts.map((text) => embeddings(text)?.[1]);
}

describe("embeddings that are kept", () => {
  it.each([1, 5, 21])("are made again where %i bytes were cut off, and once only", async (bytes) => {
    const cache = temporaryFolder();
    expect(await embedSaying(1, ["one", "two"], cache)).toEqual([1, 1]);
    const [name = ""] = fs.readdirSync(path.join(cache, "router"));
    const file = path.join(cache, "router", name);
    fs.truncateSync(file, fs.statSync(file).size - bytes);
    const all = ["one", "two", "three"];
    expect(await embedSaying(2, all, cache)).toEqual([1, 2, 2]);
    expect(await embedSaying(3, all, cache)).toEqual([1, 2, 2]);
  });

  it("are those of one encoder and not of another", async () => {
    const cache = temporaryFolder();
    expect(await embedSaying(1, ["one"], cache)).toEqual([1]);
    expect(await embedSaying(2, ["one"], cache, "other.gguf")).toEqual([2]);
    expect(await embedSaying(3, ["one"], cache)).toEqual([1]);
  });
});
