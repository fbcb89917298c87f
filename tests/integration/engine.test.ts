import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  AdapterFile,
  GenerateRequest,
  GenerationEvent,
  LocalEngine,
} from "../../server/engines/index.ts";
import { sha256OfFile } from "../../server/models/index.ts";
import { shippedAdapters, startEngine } from "../support/engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { generate, request, story } from "../support/generate.ts";
import { engineContract } from "./engine-contract.ts";

const CONTEXT = 1024;
let engine: LocalEngine;
let adapters: Map<string, AdapterFile>;

beforeAll(async () => {
  adapters = await shippedAdapters();
  // Room for three contexts of two sequences.
  engine = await startEngine({ contextSize: CONTEXT, memoryMiB: 3 * 115 });
  await engine.ready();
});
afterAll(() => engine.close());

const run = (what: GenerateRequest, signal?: AbortSignal, onEvent?: (event: GenerationEvent) => void) =>
  generate(engine, what, signal, onEvent);

describe("the local engine", () => {
  engineContract(() => ({
    engine,
    parallel: 2,
    contextSize: CONTEXT,
    adapters: [...adapters.values()],
    appliesAdapters: true,
  }));

  it("gives the same answer for the same seed alone, cached and among others", async () => {
    const alone = await run(request("Tell me about rain."));
    const again = await run(request("Tell me about rain."));
    const others = ["snow", "wind", "fog"].map((word, index) =>
      run(request(`Tell me about ${word}.`, { seed: index })),
    );
    const among = await run(request("Tell me about rain."));
    await Promise.all(others);
    expect(again.text).toBe(alone.text);
    expect(among.text).toBe(alone.text);
  });

  it("reads only what is new of a conversation that goes on", async () => {
    const first = request("Name a colour.");
    const { text } = await run(first);
    const next = await run({
      ...first,
      messages: [
        ...first.messages,
        { role: "assistant", content: text },
        { role: "user", content: "Another one?" },
      ],
    });
    const started = next.events[0] as Extract<GenerationEvent, { type: "started" }>;
    expect(started.cachedTokens).toBeGreaterThan(10);
    expect(started.cachedTokens).toBeLessThan(started.promptTokens);
  });

  it("serves more adapters than it has contexts, in turns", async () => {
    const all = [null, ...adapters.values()];
    expect(all.length).toBeGreaterThan(3);
    const outcomes = await Promise.all(all.map((adapter) => run(request("Hello there", { adapter }))));
    for (const { text } of outcomes) expect(text.length).toBeGreaterThan(0);
    expect(engine.health().contexts).toBe(3);
  });

  it("says that an adapter file cannot be loaded, and goes on answering", async () => {
    const file = path.join(temporaryFolder(), "broken.gguf");
    fs.writeFileSync(file, "GGUF and then nothing of use");
    const sha256 = await sha256OfFile(file);
    const adapter = { version: "broken@1", sha256, path: file };
    await expect(run(request("Hello", { adapter }))).rejects.toMatchObject({ code: "adapter-invalid" });
    expect((await run(request("Hello"))).text.length).toBeGreaterThan(0);
  });

  it("fails running answers when the model process dies, and answers again after it was restarted", async () => {
    const dying = run(story, undefined, (event) => {
      if (event.type === "started" && engine.pid) process.kill(engine.pid, "SIGKILL");
    });
    await expect(dying).rejects.toMatchObject({ code: "engine-crashed" });
    expect((await run(request("Are you back?"))).text.length).toBeGreaterThan(0);
  });
});

describe("a model that cannot be loaded", () => {
  it("is reported with a code instead of a crash", async () => {
    const file = path.join(temporaryFolder(), "broken.gguf");
    fs.writeFileSync(file, Buffer.concat([Buffer.from("GGUF"), Buffer.alloc(4096)]));
    const broken = await startEngine({ modelPath: file });
    await expect(broken.ready()).rejects.toMatchObject({ code: "model-corrupt" });
    await broken.close();
  });
});
