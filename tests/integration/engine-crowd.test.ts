import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type {
  AdapterFile,
  GenerateRequest,
  GenerationEvent,
  LocalEngine,
} from "../../server/engines/index.ts";
import { copyAdapters } from "../support/adapter-copies.ts";
import { shippedAdapters, startEngine } from "../support/engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { residentMiB } from "../support/resident.ts";

let adapters: Map<string, AdapterFile>;
beforeAll(async () => {
  adapters = await shippedAdapters();
});

const file = (id: string): AdapterFile => adapters.get(id) as AdapterFile;

function request(user: string, content: string, overrides: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content },
    ],
    adapter: null,
    sampling: { temperature: 0.7, topP: 0.95, topK: 40, minP: 0.05, repeatPenalty: 1, maxTokens: 24 },
    seed: 7,
    user,
    ignoreEnd: true,
    ...overrides,
  };
}

const long = (user: string, overrides: Partial<GenerateRequest> = {}): GenerateRequest => {
  const what = request(user, "Write a very long story about the sea.", overrides);
  return { ...what, sampling: { ...what.sampling, maxTokens: 240 } };
};

interface Outcome {
  text: string;
  queued: number[];
  promptTokens: number;
  cachedTokens: number;
  reason: string;
  tokens: number;
  endedAt: number;
}

async function run(
  engine: LocalEngine,
  what: GenerateRequest,
  { signal = new AbortController().signal, onEvent }: RunOptions = {},
): Promise<Outcome> {
  const seen: Outcome = {
    text: "",
    queued: [],
    promptTokens: 0,
    cachedTokens: 0,
    reason: "",
    tokens: 0,
    endedAt: 0,
  };
  for await (const event of engine.generate(what, signal)) {
    onEvent?.(event);
    if (event.type === "queued") seen.queued.push(event.ahead);
    if (event.type === "started")
      Object.assign(seen, { promptTokens: event.promptTokens, cachedTokens: event.cachedTokens });
    if (event.type === "delta") seen.text += event.text;
    if (event.type === "finished")
      Object.assign(seen, { reason: event.reason, tokens: event.completionTokens });
  }
  return { ...seen, endedAt: performance.now() };
}

interface RunOptions {
  signal?: AbortSignal;
  onEvent?: (event: GenerationEvent) => void;
}

const patient = { timeout: 20_000 };

/** No sequence is lent and nobody waits: nothing has leaked. */
async function expectIdle(engine: LocalEngine): Promise<void> {
  await run(engine, request("last", "Hello", { sampling: { ...request("", "").sampling, maxTokens: 1 } }));
  await expect.poll(() => engine.health(), patient).toMatchObject({ running: 0, waiting: 0 });
  await expect.poll(() => engine.health().sequencesInUse, patient).toBe(0);
}

/** Adapters that nobody has loaded yet, made from a shipped one. */
const newAdapters = (id: string, count: number): AdapterFile[] =>
  copyAdapters([file(id)], temporaryFolder(), count);

describe("an engine that many share", () => {
  let engine: LocalEngine;
  beforeAll(async () => {
    engine = await startEngine({ contextSize: 768, sequences: 4 });
    await engine.ready();
  });
  afterAll(() => engine.close());

  it("answers eight people over four adapters, each in full, nobody long before the others", async () => {
    const ids = [...adapters.keys()];
    const startedAt = performance.now();
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, user) =>
        run(
          engine,
          request(`u${user}`, `Question ${user}: what should I do?`, {
            adapter: file(ids[user % 4] as string),
          }),
        ),
      ),
    );
    for (const { tokens, reason } of outcomes)
      expect({ tokens, reason }).toEqual({ tokens: 24, reason: "length" });
    const times = outcomes.map(({ endedAt }) => endedAt - startedAt);
    expect(Math.max(...times) / Math.min(...times)).toBeLessThan(2);
    await expectIdle(engine);
  });

  it("lets somebody with one question not wait behind somebody with many", async () => {
    const many = Array.from({ length: 7 }, (_, index) => run(engine, request("many", `Question ${index}`)));
    const one = await run(engine, request("one", "A single question"));
    const ended = (await Promise.all(many)).map(({ endedAt }) => endedAt);
    expect(ended.filter((at) => at < one.endedAt).length).toBeLessThanOrEqual(4);
    await expectIdle(engine);
  });

  it("cancels one beside three that stream, at once and without a trace in theirs", async () => {
    const alone = await run(engine, request("a", "Tell me about rain."));
    const controller = new AbortController();
    const others = ["b", "c", "d"].map((user) =>
      run(engine, long(user), { signal: AbortSignal.timeout(60_000) }),
    );
    let abortedAt = 0;
    const cancelled = await run(engine, long("a"), {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type !== "delta" || abortedAt > 0) return;
        abortedAt = performance.now();
        controller.abort();
      },
    });
    expect(cancelled.reason).toBe("stopped");
    // It waited for the lock of a busy context until the others ended, seconds later; `cancelBesideThreeMs` of the bench has the time.
    expect(cancelled.endedAt - abortedAt).toBeLessThan(1_500);
    // The sequence is trimmed and used again beside the same three.
    const again = await run(engine, request("a", "Tell me about rain."));
    expect(again.text).toBe(alone.text);
    for (const other of await Promise.all(others)) expect(other.tokens).toBe(240);
    await expectIdle(engine);
  }, 120_000);

  it("gives a sequence back when the client that read it has gone", async () => {
    for (let visit = 0; visit < 6; visit++)
      for await (const event of engine.generate(long(`v${visit}`), new AbortController().signal))
        if (event.type === "delta") break;
    await expectIdle(engine);
  });

  it("reads only what is new of each conversation, though several take turns", async () => {
    const talks = ["ann", "bob"].map((user) => ({
      user,
      messages: request(user, `My name is ${user} and I have a question about colours.`).messages,
    }));
    for (let turn = 0; turn < 3; turn++)
      for (const talk of talks) {
        // Words after the end of a turn are not those that the next prompt has.
        const { ignoreEnd: _, ...what } = request(talk.user, "");
        const { text, promptTokens, cachedTokens } = await run(engine, {
          ...what,
          messages: talk.messages,
          adapter: file("education"),
        });
        // All of the turns before, but for the last token and those around the end of the answer.
        if (turn > 0) expect(promptTokens - cachedTokens).toBeLessThan(45);
        talk.messages = [
          ...talk.messages,
          { role: "assistant", content: text },
          { role: "user", content: `And number ${turn}?` },
        ];
      }
  });

  it("keeps a system prompt warm for a conversation that is new", async () => {
    const systemPrompt =
      "You are a patient teacher who explains one thing at a time, in plain words, with an example.";
    await engine.plug(file("education"), systemPrompt);
    const { cachedTokens } = await run(engine, {
      ...request("new", ""),
      adapter: file("education"),
      messages: [
        { role: "system", content: systemPrompt },
        { role: "user", content: "Why is the sky blue?" },
      ],
    });
    expect(cachedTokens).toBeGreaterThan(15);
  });

  it("answers two hundred requests at once", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        run(
          engine,
          request(`u${index % 50}`, `Number ${index}?`, {
            sampling: { ...request("", "").sampling, maxTokens: 2 },
          }),
        ),
      ),
    );
    expect(outcomes.every(({ tokens }) => tokens === 2)).toBe(true);
    const told = outcomes.filter(({ queued }) => queued.length > 0);
    expect(told.length).toBeGreaterThan(100);
    for (const { queued } of told) expect(queued.every((ahead) => ahead >= 0 && ahead < 200)).toBe(true);
    await expectIdle(engine);
  }, 180_000);
});

describe("adapters plugged in and out", () => {
  let engine: LocalEngine;
  beforeAll(async () => {
    // Room for two contexts.
    engine = await startEngine({ contextSize: 512, sequences: 2, memoryMiB: 2 * 92 });
    await engine.ready();
  });
  afterAll(() => engine.close());

  it("serves eight with room for two, the same answers each time, in memory that stays flat", async () => {
    const eight = newAdapters("support", 8);
    const ask = (adapter: AdapterFile) => run(engine, request("u", "What should I do now?", { adapter }));
    const first: string[] = [];
    for (const adapter of eight) first.push((await ask(adapter)).text);
    const before = await residentMiB(engine.pid);
    for (let round = 0; round < 2; round++)
      for (const [index, adapter] of eight.entries()) expect((await ask(adapter)).text).toBe(first[index]);
    expect(engine.health().contexts).toBe(2);
    // 16 adapters were loaded in between, 20 MiB each once widened.
    expect((await residentMiB(engine.pid)) - before).toBeLessThan(100);
    await expectIdle(engine);
  }, 120_000);

  it("goes on answering through an adapter whose file was replaced or deleted, and says so once it has to be loaded again", async () => {
    const [adapter] = newAdapters("health", 1) as [AdapterFile];
    const running = run(engine, long("a", { adapter }), {
      onEvent: (event) => event.type === "started" && fs.writeFileSync(adapter.path, "something else"),
    });
    expect((await running).tokens).toBe(240);
    for (const id of ["support", "health", "education"])
      await run(engine, request("b", "Hello", { adapter: file(id) }));
    await expect(run(engine, request("a", "Hello", { adapter }))).rejects.toMatchObject({
      code: "adapter-hash-mismatch",
    });
    fs.rmSync(adapter.path);
    await expect(run(engine, request("a", "Hello", { adapter }))).rejects.toMatchObject({
      code: "adapter-invalid",
    });
    expect((await run(engine, request("a", "Hello"))).tokens).toBe(24);
    await expectIdle(engine);
  });

  it("unplugs an adapter when its last answer has ended, and no sooner", async () => {
    const [adapter] = newAdapters("education", 1) as [AdapterFile];
    await engine.plug(adapter, "You are a helpful assistant.");
    const contexts = engine.health().contexts;
    const streaming = run(engine, request("a", "Tell me a story.", { adapter }), {
      onEvent: (event) => event.type === "started" && engine.unplug(adapter),
    });
    expect((await streaming).tokens).toBe(24);
    await expectIdle(engine);
    await expect.poll(() => engine.health().contexts, patient).toBeLessThanOrEqual(contexts);
    await expect(engine.plug({ ...adapter, sha256: "0".repeat(64) }, "x")).rejects.toMatchObject({
      code: "adapter-hash-mismatch",
    });
  });

  it("lets nobody starve whose adapter finds every context busy", async () => {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    let rounds = 0;
    const busy = ["support", "health"].map(async (id, index) => {
      while (!stop.signal.aborted) {
        await run(engine, request(`busy${index}${rounds++}`, "Hello", { adapter: file(id) }), {
          signal: stop.signal,
        });
      }
    });
    const more = ["support", "health"].map(async (id, index) => {
      while (!stop.signal.aborted)
        await run(engine, request(`more${index}${rounds++}`, "Hi", { adapter: file(id) }), {
          signal: stop.signal,
        });
    });
    const starving = await run(engine, request("patient", "And me?", { adapter: file("education") }));
    stop.abort();
    await Promise.all([...busy, ...more]);
    expect(starving.tokens).toBe(24);
    await expectIdle(engine);
  }, 60_000);
});

describe("a queue that is bounded", () => {
  it("refuses what is too much and ends what waits too long, with a code each", async () => {
    const engine = await startEngine({ contextSize: 2_048, sequences: 1, maxWaiting: 2, maxWaitMs: 1_500 });
    onTestFinished(() => engine.close());
    await engine.ready();
    const stop = new AbortController();
    // Goes on for as long as the others may wait, on a fast machine too.
    const story = long("a", { ignoreEnd: true });
    story.sampling.maxTokens = 1_900;
    const first = run(engine, story, { signal: stop.signal });
    await expect.poll(() => engine.health().running, patient).toBe(1);
    const waiting = ["b", "c"].map((user) => run(engine, request(user, "Hello")));
    const refused = run(engine, request("d", "Hello"));
    await expect(refused).rejects.toMatchObject({ code: "queue-full" });
    for (const one of waiting) await expect(one).rejects.toMatchObject({ code: "queue-timeout" });
    stop.abort();
    expect((await first).reason).toBe("stopped");
    await expectIdle(engine);
  });
});
