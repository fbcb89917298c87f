import { ulid } from "ulid";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Answer } from "../../client/sdk/index.ts";
import { Patchbay } from "../../server/main.ts";
import type { Health } from "../../server/protocol/index.ts";
import { cli } from "../support/cli.ts";
import { answers, FaultyServer, replies } from "../support/faulty-server.ts";
import { temporaryFolder } from "../support/folder.ts";
import { ScrapedMetrics } from "../support/metrics.ts";
import { openAi, user } from "../support/openai.ts";
import { enginesFile } from "../support/remote.ts";
import { newPerson, startServer, testConfig } from "../support/server.ts";
import { ask, askAndSeeStart, converse, LONG_QUESTION } from "../support/talk.ts";

const PARSER_MS = 300_000;

describe("metrics", () => {
  it(
    "say what turns over sockets and over /v1 took, who answered, and how people judged",
    async () => {
      // Fails once, is tried again, and answers.
      const box = await FaultyServer.start(replies(503), answers);
      const price = { prompt: 1_000, completion: 10_000 };
      const server = await startServer({
        engines: enginesFile({
          engines: { box: { type: "openai", baseURL: `${box.url}/v1`, model: "big", price } },
          order: { default: ["local"], health: ["box"] },
        }),
      });
      const person = await newPerson(server.url);
      const open = await converse(person);
      const first = await ask(open, "Where is my parcel number seventeen?", "support");
      const second = await ask(open, "And when does it come?", "support");
      const client = openAi(server.url);
      const completion = await client.chat.completions.create({
        model: "health",
        messages: [user("I have a sore throat.")],
      });
      await expect(
        client.chat.completions.create({ model: "base", messages: [user("word ".repeat(4_000))] }),
      ).rejects.toMatchObject({ status: 400 });
      await person.call("vote:set", { messageId: first.id, value: 1 });
      // Said more about, but not changed.
      await person.call("vote:set", { messageId: first.id, value: 1, reasons: ["clear"] });
      await person.call("vote:set", { messageId: first.id, value: -1 });
      const running = await askAndSeeStart(open, LONG_QUESTION, "base");

      const during = await ScrapedMetrics.of(server.url);
      expect(during.value("patchbay_queue_running", { engine: "local" })).toBe(1);
      expect(during.value("patchbay_queue_waiting", { engine: "local" })).toBe(0);
      expect(during.value("patchbay_queue_running", { engine: "box" })).toBe(0);
      expect(during.value("patchbay_engine_sequences_in_use")).toBeGreaterThanOrEqual(1);
      expect(during.value("patchbay_sockets_connected")).toBe(1);
      await open.stop(running.generationId);
      await expect.poll(() => server.health()).toMatchObject({ queue: { running: 0, waiting: 0 } });
      const support = { expert: "support", engine: "local" };
      const base = { expert: "base", engine: "local" };
      // The engine is done a little before the turn is written down.
      const stopped = async () =>
        (await ScrapedMetrics.of(server.url)).value("patchbay_turns_total", { ...base, finish: "stopped" });
      await expect.poll(stopped).toBe(1);

      const metrics = await ScrapedMetrics.of(server.url);
      const turns = (labels: Record<string, string>) => metrics.value("patchbay_turns_total", labels);
      expect(turns({ ...base, finish: "stopped" })).toBe(1);
      expect(turns(base)).toBe(1);
      expect(turns(support)).toBe(2);
      expect(turns({ expert: "health", engine: "box", finish: "stop" })).toBe(1);
      expect(turns({ expert: "base", engine: "none", finish: "error" })).toBe(1);
      expect(metrics.value("patchbay_turn_errors_total", { code: "prompt-too-long" })).toBe(1);

      // What the people were told themselves.
      const told = [first, second].map(({ tokens, timings }) => ({ tokens, timings }) as Told);
      const sum = (of: (each: Told) => number) => told.reduce((total, each) => total + of(each), 0);
      expect(metrics.value("patchbay_cached_prompt_tokens_total", support) ?? 0).toBe(
        sum((each) => each.tokens.cached),
      );
      // Of the answer that was stopped, that its prompt was read and what had been written.
      expect(metrics.value("patchbay_prompt_tokens_total", base)).toBeGreaterThan(0);
      expect(metrics.value("patchbay_completion_tokens_total", base)).toBeGreaterThan(0);
      const before = await totalsOf(during, support);
      expect(before.turns).toBe(2);
      expect(before.promptTokens).toBe(sum((each) => each.tokens.prompt));
      expect(before.completionTokens).toBe(sum((each) => each.tokens.completion));
      expect(before.duration).toBeCloseTo(sum((each) => each.timings.totalMs) / 1000, 3);
      expect(before.firstToken).toBeCloseTo(sum((each) => each.timings.firstTokenMs ?? 0) / 1000, 3);

      // The phases follow each other without a gap.
      const phase = (name: string, engine: string) =>
        during.value(`patchbay_${name}_sum`, name === "route_duration_seconds" ? {} : { engine }) ?? 0;
      const later = ["queue_wait_seconds", "prefill_duration_seconds", "decode_duration_seconds"];
      const inEngines = ["local", "box"].flatMap((engine) => later.map((name) => phase(name, engine)));
      const failed = during.value("patchbay_turn_duration_seconds_sum", { engine: "none" }) ?? 0;
      const all = during.value("patchbay_turn_duration_seconds_sum") ?? 0;
      const phases = [phase("route_duration_seconds", ""), ...inEngines].reduce(
        (total, each) => total + each,
      );
      expect(phases).toBeLessThanOrEqual(all);
      expect(phases).toBeGreaterThan(all - failed - 0.001);
      expect(during.value("patchbay_prefill_duration_seconds_count", { engine: "local" })).toBe(2);
      expect(during.value("patchbay_prefill_duration_seconds_sum", { engine: "local" })).toBeGreaterThan(0);

      expect(metrics.value("patchbay_remote_available", { engine: "box" })).toBe(1);
      expect(metrics.value("patchbay_remote_retries_total", { engine: "box" })).toBe(1);
      const { prompt_tokens, completion_tokens } = completion.usage ?? {
        prompt_tokens: 0,
        completion_tokens: 0,
      };
      expect(metrics.value("patchbay_remote_cost_total", { engine: "box" })).toBeCloseTo(
        (prompt_tokens * price.prompt + completion_tokens * price.completion) / 1e6,
        9,
      );
      expect(metrics.value("patchbay_votes_total", { expert: "support", vote: "up" })).toBe(1);
      expect(metrics.value("patchbay_votes_total", { expert: "support", vote: "down" })).toBe(1);

      const health = server.health() as Extract<Health, { status: "ready" }>;
      expect(metrics.value("patchbay_ready")).toBe(1);
      expect(metrics.value("patchbay_engine_contexts")).toBe(health.engine.contexts);
      expect(metrics.value("patchbay_engine_context_bytes")).toBe(health.engine.contextMiB * 1024 ** 2);
      expect(metrics.value("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
      expect(metrics.value("process_cpu_seconds_total")).toBeGreaterThan(
        during.value("process_cpu_seconds_total") ?? 0,
      );

      const labels = ["base", "box", "down", "error", "health", "local", "none", "prompt-too-long", "stop"];
      expect(metrics.labelValues).toEqual(
        new Set([...labels, "stopped", "support", "up", finishOf(first), finishOf(second)]),
      );
      for (const said of ["parcel", "seventeen", "throat", "lighthouse", "word", first.conversationId])
        expect(metrics.text).not.toContain(said);
      for (const [name, { type }] of Object.entries(metrics.families)) {
        expect(name).toMatch(/^(patchbay|process|nodejs)_[a-z_]+$/);
        if (type === "counter") expect(metrics.text).toContain(`# TYPE ${name}_total counter`);
      }
    },
    PARSER_MS,
  );

  it(
    "are there while the server starts, and say that it does",
    async () => {
      const server = await Patchbay.start(testConfig());
      onTestFinished(() => server.close());
      const starting = await ScrapedMetrics.of(server.url);
      expect(starting.value("patchbay_ready")).toBe(0);
      await server.ready;
      expect((await ScrapedMetrics.of(server.url)).value("patchbay_ready")).toBe(1);
    },
    PARSER_MS,
  );

  it("need a key that is made for them once there are keys, and such a key is for nothing else", async () => {
    const dataDir = temporaryFolder();
    const { url } = await startServer({ dataDir });
    const status = async (key?: string) =>
      (await fetch(`${url}/metrics`, key ? { headers: { authorization: `Bearer ${key}` } } : {})).status;
    const create = async (...options: string[]): Promise<string> => {
      const made = await cli(["keys", "create", ulid(), ...options, "--json"], { PATCHBAY_DATA: dataDir });
      return JSON.parse(made.stdout).key;
    };
    expect(await status()).toBe(200);
    expect(await status("whatever")).toBe(200);
    const usual = await create();
    const metrics = await create("--scope", "metrics");
    expect(await status()).toBe(401);
    expect(await status("pb-wrong")).toBe(401);
    // A key for which nothing was named reads what is its own, not what everybody does.
    expect(await status(usual)).toBe(403);
    expect(await status(metrics)).toBe(200);
    const asked = { model: "base", messages: [user("Hello")], max_tokens: 2 };
    await expect(openAi(url, metrics).chat.completions.create(asked)).rejects.toMatchObject({ status: 403 });
    expect((await openAi(url, usual).chat.completions.create(asked)).choices).toHaveLength(1);
  });
});

type Told = { tokens: NonNullable<Answer["tokens"]>; timings: NonNullable<Answer["timings"]> };

const finishOf = ({ status }: Answer): string => (status === "cut-off" ? "length" : "stop");

async function totalsOf(metrics: ScrapedMetrics, labels: Record<string, string>) {
  const total = (name: string) => metrics.value(name, labels);
  return {
    turns: total("patchbay_turns_total"),
    promptTokens: total("patchbay_prompt_tokens_total"),
    completionTokens: total("patchbay_completion_tokens_total"),
    duration: total("patchbay_turn_duration_seconds_sum"),
    firstToken: total("patchbay_time_to_first_token_seconds_sum"),
  };
}
