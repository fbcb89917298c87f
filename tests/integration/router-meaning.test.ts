import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { embedderProcessPath, readConfig } from "../../server/config.ts";
import { resolveSentenceEncoder } from "../../server/models/index.ts";
import {
  createRouter,
  EmbedderProcess,
  type Embeddings,
  type Encoder,
  type Example,
  embeddingsOf,
  evaluate,
  type Head,
  trainHead,
} from "../../server/routing/index.ts";
import { adaptersFolder } from "../support/adapters.ts";
import { temporaryFolder } from "../support/folder.ts";
import { openAi } from "../support/openai.ts";
import { newPerson, startServer } from "../support/server.ts";
import { askShortly } from "../support/talk.ts";

const subjects = {
  garden: `when do i prune apple trees / aphids on my roses / tomato leaves turn yellow / which soil for blueberries
    / how deep do i plant tulip bulbs / grass seed does not grow / slugs eat my lettuce / my compost smells`,
  cars: `the engine makes a knocking sound / how often do i change the oil / brakes squeal in the rain / flat battery
    / what does the red oil light mean / winter tyres, when / my clutch slips / dent in the door of my van`,
};
const outside = `good morning / tell me a joke / what is the capital of peru / translate hello into french / set a timer
  / who wrote hamlet / is it raining / write a poem`;
const split = (texts: string, label: string | null): Example[] =>
  texts.split("/").map((text) => ({ text: text.trim(), label }));
const rows = [
  ...Object.entries(subjects).flatMap(([label, texts]) => split(texts, label)),
  ...split(outside, null),
];
/** None of their words stand in the rows. */
const strangers: Example[] = [
  { text: "Greenfly everywhere; they ruin every shrub", label: "garden" },
  { text: "best fertiliser for hydrangeas", label: "garden" },
  { text: "vehicle won't start, dashboard dead", label: "cars" },
  { text: "gearbox grinding at high speed", label: "cars" },
];

let encoder: Encoder;
let embeddings: Embeddings;
let head: Head;
beforeAll(async () => {
  const { cacheDir } = readConfig(process.env);
  const modelPath = await resolveSentenceEncoder(cacheDir, () => undefined);
  encoder = { modelPath, processPath: embedderProcessPath };
  const cache = fs.mkdtempSync(path.join(os.tmpdir(), "patchbay-embeddings-"));
  embeddings = await embeddingsOf(rows, encoder, cache);
  // The second time nothing is left to embed, and a broken encoder does not matter.
  const again = await embeddingsOf(rows, { ...encoder, processPath: "/nowhere.js" }, cache);
  expect(again("flat battery")).toEqual(embeddings("flat battery"));
  head = trainHead(rows, { embeddings });
  return () => fs.rmSync(cache, { recursive: true, force: true });
});

async function startEmbedder(): Promise<EmbedderProcess> {
  const embedder = new EmbedderProcess({ ...encoder, work: { patienceMs: 5_000 }, onLog: () => undefined });
  onTestFinished(() => embedder.close());
  await embedder.ready();
  return embedder;
}

const ask = (text: string) => ({ turns: [{ role: "user" as const, text }], previous: null });

describe("a router that hears what texts mean", () => {
  it("knows strangers' words that no example has", async () => {
    const embedder = await startEmbedder();
    expect((await evaluate(head, strangers, embedder)).accuracy).toBe(1);
    expect((await evaluate(head, strangers, null)).accuracy).toBeLessThan(1);
  });

  it("goes by words while its embedder is gone, says so, and hears again afterwards", async () => {
    const embedder = await startEmbedder();
    const router = createRouter(head, embedder);
    expect(router.hears).toBe("meaning");
    const { text } = strangers[0] as Example;
    expect(await router.route(ask(text))).toMatchObject({ domain: "garden", head: head.version });
    process.kill(embedder.pid ?? 0, "SIGKILL");
    await expect.poll(() => router.hears).toBe("words");
    expect(await router.route(ask("aphids on my roses, again"))).toMatchObject({
      domain: "garden",
      head: `${head.version} by words`,
    });
    await expect.poll(() => router.hears, { timeout: 20_000 }).toBe("meaning");
    expect(await router.route(ask("aphids on my roses, once more"))).toMatchObject({ head: head.version });
  });

  it("hears what a row of follow-ups follows", async () => {
    const router = createRouter(head, await startEmbedder());
    const { text } = strangers[0] as Example;
    const said = [text, "yes please", "ok", "and then?", "go on"];
    const turns = said.flatMap((line) => [
      { role: "user" as const, text: line },
      { role: "assistant" as const, text: "I see." },
    ]);
    const first = await router.route(ask(text));
    expect(await router.route({ turns: turns.slice(0, -1), previous: "garden" })).toMatchObject({
      domain: "garden",
      confidence: first.confidence,
      head: head.version,
    });
  });

  it("decides well within the blink of an eye", async () => {
    const embedder = await startEmbedder();
    const many = Array.from({ length: 60 }, (_, i) => ({
      text: `why do the leaves of plant ${i} fall`,
      label: "garden",
    }));
    expect((await evaluate(head, many, embedder)).latencyMs.p50).toBeLessThan(50);
    expect((await evaluate(head, many, null)).latencyMs.p50).toBeLessThan(1);
  });
});

it("hears what texts mean a while after the server started, and keeps what it learnt", {
  timeout: 300_000,
}, async () => {
  const cacheDir = temporaryFolder();
  fs.mkdirSync(path.join(cacheDir, "models"));
  const models = path.join(readConfig(process.env).cacheDir, "models");
  for (const file of fs.readdirSync(models))
    if (file.endsWith(".gguf")) fs.symlinkSync(path.join(models, file), path.join(cacheDir, "models", file));
  const adaptersDir = adaptersFolder(["support"]);
  // Few examples are embedded sooner.
  fs.rmSync(path.join(adaptersDir, "support", "dataset", "train.jsonl"));
  const backgroundDir = temporaryFolder();
  const background = split(outside, null).map(({ text }) => `${JSON.stringify({ text })}\n`);
  fs.writeFileSync(path.join(backgroundDir, "train.jsonl"), background.join(""));
  const patchbay = await startServer({ adaptersDir, backgroundDir, embedder: "auto", cacheDir });
  const router = () => {
    const health = patchbay.health();
    return health.status === "ready" ? health.router : null;
  };
  expect(router()?.hears).toBe("words");
  await expect.poll(() => router()?.hears, { timeout: 240_000, interval: 500 }).toBe("meaning");
  expect(router()?.embedder).toBe("ready");
  expect(fs.readdirSync(path.join(cacheDir, "router"))).toContain(`${router()?.version}.json`);
  // A correction teaches the head that hears what texts mean.
  const uncorrected = router()?.name;
  const person = await newPerson(patchbay.url);
  const question = "when does the swimming pool open today?";
  const answer = await askShortly(person, question);
  const rightful = answer.expert?.id === "support" ? "base" : "support";
  await person.call("route:correct", { messageId: answer.id, expert: rightful });
  await expect
    .poll(async () => (await askShortly(person, question)).expert?.id, { timeout: 60_000, interval: 2_000 })
    .toBe(rightful);
  expect((await askShortly(person, question)).decision?.head).not.toContain("by words");
  expect(router()?.name).not.toBe(uncorrected);
  // The same encoder answers for others.
  const { data } = await openAi(patchbay.url).embeddings.create({
    model: "embedder",
    input: ["my cat is ill", "a kitten that does not feel well", "how is value added tax computed"],
  });
  const [cat, kitten, tax] = data.map(({ embedding }) => embedding);
  const cosine = (a: number[] = [], b: number[] = []) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
  expect(cat).toHaveLength(384);
  expect(cosine(cat, cat)).toBeCloseTo(1, 4);
  expect(cosine(cat, kitten)).toBeGreaterThan(cosine(cat, tax) + 0.2);
});
