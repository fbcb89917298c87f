import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { bin } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { post, user } from "../support/openai.ts";
import { startServer } from "../support/server.ts";

const QUESTION = "Where is my parcel number seventeen?";

interface Entry {
  time: string;
  level: string;
  message?: string;
  event?: string;
  [field: string]: unknown;
}

const asks = (url: string, content = QUESTION) =>
  post(
    `${url}/v1/chat/completions`,
    { model: "support", messages: [user(content)], max_tokens: 8, seed: 3 },
    { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" },
  );

interface Completion {
  choices: { message: { content: string } }[];
  usage: { prompt_tokens: number; completion_tokens: number };
  patchbay: { version: string; timings: { totalMs: number }[] };
}

describe("the log as JSON", () => {
  it("is an object a line from start to end, a turn with its figures and without its words", async () => {
    const server = spawn(process.execPath, [bin, "serve"], {
      env: {
        ...process.env,
        PORT: "0",
        PATCHBAY_DATA: temporaryFolder(),
        PATCHBAY_GPU: "off",
        PATCHBAY_EMBEDDER: "off",
        PATCHBAY_LOG: "json",
      },
    });
    onTestFinished(() => void server.kill("SIGKILL"));
    const entries: Entry[] = [];
    const ready = new Promise<string>((resolve) => {
      createInterface({ input: server.stderr }).on("line", (line) => {
        const entry = JSON.parse(line) as Entry;
        entries.push(entry);
        const url = /^ready on (.*)$/.exec(entry.message ?? "")?.[1];
        if (url) resolve(url);
      });
    });
    const url = await ready;
    const { body } = await asks(url);
    await asks(url, "word ".repeat(4_000));
    const ended = once(server, "close");
    server.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);

    for (const { time, level } of entries) {
      expect(new Date(time).toISOString()).toBe(time);
      expect(["info", "error"]).toContain(level);
    }
    expect(entries.at(-1)).toMatchObject({ level: "info", message: "stopping" });
    const { usage, patchbay, choices } = body as Completion;
    const turns = entries.filter(({ event }) => event === "turn");
    expect(turns).toMatchObject([
      {
        level: "info",
        conversationId: expect.stringMatching(/^[\dA-Z]{26}$/),
        generationId: expect.stringMatching(/^[\dA-Z]{26}$/),
        requested: "support",
        expert: "support",
        version: patchbay.version,
        engine: "local",
        finish: "length",
        tokens: { prompt: usage.prompt_tokens, completion: usage.completion_tokens },
        timings: { totalMs: patchbay.timings[0]?.totalMs },
        traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      },
      { level: "error", finish: "error", error: "prompt-too-long", engine: null },
    ]);
    const timings = turns[0]?.timings as Record<string, number>;
    const phases = ["routeMs", "queueMs", "prefillMs", "decodeMs"].map((name) => timings[name] ?? Number.NaN);
    expect(phases.reduce((total, ms) => total + ms)).toBeCloseTo(timings.totalMs ?? 0, 0);
    const all = JSON.stringify(entries);
    for (const words of ["seventeen", "parcel", choices[0]?.message.content])
      expect(all).not.toContain(words);
  });

  it("has the words too where they are asked for", async () => {
    const lines: string[] = [];
    const settings = { log: "json", showsText: true } as const;
    const { url } = await startServer(settings, { log: (line) => lines.push(line) });
    const { body } = await asks(url);
    const turn = lines.map((line) => JSON.parse(line) as Entry).find(({ event }) => event === "turn");
    expect(turn).toMatchObject({
      messages: [{ role: "system" }, { role: "user", content: QUESTION }],
      answer: (body as Completion).choices[0]?.message.content,
    });
  });

  it("is lines for people otherwise, in which turns pass in silence", async () => {
    const lines: string[] = [];
    const { url } = await startServer({ showsText: true }, { log: (line) => lines.push(line) });
    const before = lines.length;
    await asks(url);
    expect(lines.slice(0, before)).toContain(`ready on ${url}`);
    expect(lines.slice(before).join("\n")).not.toMatch(/turn|seventeen|\{/);
  });
});
