import fs from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { packageRoot, readConfig } from "../../server/config.ts";
import { resolveSentenceEncoder } from "../../server/models/index.ts";
import { type EmbedderOptions, EmbedderProcess } from "../../server/routing/index.ts";
import { temporaryFolder } from "../support/folder.ts";

const fixture = path.join(packageRoot, "tests", "fixtures", "sentence-embeddings.json");
const reference: { text: string; vector: number[] }[] = JSON.parse(fs.readFileSync(fixture, "utf8"));

let modelPath: string;
beforeAll(async () => {
  modelPath = await resolveSentenceEncoder(readConfig(process.env).cacheDir, () => undefined);
});

async function start(options: Partial<EmbedderOptions> = {}): Promise<EmbedderProcess> {
  const embedder = new EmbedderProcess({
    processPath: path.join(packageRoot, "dist", "server", "routing", "embedder", "process.js"),
    modelPath,
    work: { patienceMs: 5_000 },
    onLog: () => undefined,
    ...options,
  });
  onTestFinished(() => embedder.close());
  await embedder.ready();
  return embedder;
}

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

describe("the sentence encoder", () => {
  it("gives the vectors of the original weights: cosine 0.999 or more", async () => {
    const embedder = await start();
    const vectors = await embedder.embed(reference.map(({ text }) => text));
    for (const [at, { vector }] of reference.entries())
      expect(cosine(vectors?.[at] ?? [], vector)).toBeGreaterThan(0.999);
  });

  it("takes any text: none, signs only, broken, binary, other scripts, megabytes", async () => {
    const embedder = await start();
    const texts = [
      "",
      "  \n",
      "\u0000\ufffd\ud800",
      "我的包裹在哪里",
      "🙂🙂",
      "[CLS] [SEP]",
      "lorem ipsum ".repeat(500_000),
    ];
    const vectors = await embedder.embed(texts);
    expect(vectors).toHaveLength(texts.length);
    for (const vector of vectors ?? []) {
      expect(vector).toHaveLength(384);
      expect(vector.every(Number.isFinite)).toBe(true);
    }
  });

  it("is done without where it takes too long, and is asked again", async () => {
    const embedder = await start({ work: { patienceMs: 30 } });
    const texts = reference.map(({ text }) => text);
    expect(await embedder.embed(texts)).toBeNull();
    await expect.poll(() => embedder.embed(["hello"]), { timeout: 5_000 }).not.toBeNull();
  });

  it("comes back after its process was killed, and is done without meanwhile", async () => {
    const embedder = await start();
    const before = embedder.pid;
    const asked = embedder.embed(["a question that nobody has asked yet"]);
    process.kill(before ?? 0, "SIGKILL");
    expect(await asked).toBeNull();
    expect(await embedder.embed(["another one"])).toBeNull();
    expect(embedder.state).toBe("restarting");
    expect(await embedder.ready()).toBe(true);
    expect(embedder.pid).not.toBe(before);
    expect(await embedder.embed(["another one"])).toHaveLength(1);
  });

  it("says that it failed where the model's file is damaged", async () => {
    const damaged = path.join(temporaryFolder(), "damaged.gguf");
    fs.writeFileSync(damaged, fs.readFileSync(modelPath).subarray(0, 100_000));
    const embedder = await start({ modelPath: damaged });
    expect(embedder.state).toBe("failed");
    expect(await embedder.embed(["hello"])).toBeNull();
  });
});
