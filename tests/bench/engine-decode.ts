import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import os from "node:os";
import path from "node:path";
import { packageRoot, readConfig } from "../../server/config.ts";
import { type GenerateRequest, LocalEngine, withPromptEncoder } from "../../server/engines/index.ts";
import { resolveModel } from "../../server/models/index.ts";
import type { BareRun, FromBare, ToBare } from "./bare-loop.ts";
import { type Figure, figure } from "./statistics.ts";

const REPEATS = 9;
const TOKENS = 192;
/** llama.cpp's threads go on spinning for a while after a run; without a rest they take a core from the other side. */
const REST_MS = 1_000;
const CONTEXT = 2048;

const cores = os.availableParallelism();

/** With a core left for the server process, as beside any other busy program. */
export const decodeBesideServer = (note: (line: string) => void): Promise<Figure> =>
  engineDecode(Math.max(1, cores - 1), note);

/** With a thread on every core, as on an idle machine: the server process has to push one of them aside. */
export const decodeOnAllCores = (note: (line: string) => void): Promise<Figure> => engineDecode(cores, note);

/**
 * Decode speed of one stream through the whole engine (child process, step loop, detokenising, IPC) over
 * that of a bare evaluate loop with the same model, threads and pool size, in turns in one run.
 */
async function engineDecode(threads: number, note: (line: string) => void): Promise<Figure> {
  const config = readConfig(process.env);
  const base = await resolveModel(config.model, config.cacheDir, note);
  const stories = Array.from({ length: REPEATS + 1 }, (_, repeat) => story(repeat));
  const prompts = await withPromptEncoder(base.path, (encoder) =>
    stories.map(({ messages }) => encoder.prompt(messages)),
  );
  const engine = new LocalEngine({
    workerPath: path.join(packageRoot, "dist/server/engines/local/worker.js"),
    modelPath: base.path,
    gpu: "off",
    threads,
    contextSize: CONTEXT,
    sequences: 2,
    maxContexts: 1,
    onLoading: () => undefined,
    onLog: () => undefined,
  });
  await engine.ready();
  const bare = fork(path.join(import.meta.dirname, "bare-loop.js"), {
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    execArgv: [],
  });
  await ask(bare, { type: "load", modelPath: base.path, threads, contextSize: CONTEXT });
  try {
    const ratios: number[] = [];
    for (let repeat = 0; repeat <= REPEATS; repeat++) {
      const request = stories[repeat] as GenerateRequest;
      const prompt = prompts[repeat] as BareRun["prompt"];
      const sides = {
        ours: () => decodeThroughEngine(engine, request),
        theirs: () => decodeBare(bare, { prompt, tokens: TOKENS, seed: request.seed }),
      };
      const { ours, theirs } = await inTurns(
        sides,
        repeat % 2 === 0 ? ["ours", "theirs"] : ["theirs", "ours"],
      );
      const ratio = ours / theirs;
      // The first pair warms caches and clocks up.
      if (repeat > 0) ratios.push(ratio);
      const speeds = `engine ${ours.toFixed(1)} tok/s, bare loop ${theirs.toFixed(1)} tok/s`;
      note(`${speeds}, ratio ${ratio.toFixed(3)}${repeat ? "" : " (warm-up)"}`);
    }
    return figure(ratios, 0.95, "higher");
  } finally {
    bare.disconnect();
    await engine.close();
  }
}

/** A prompt that neither side has seen, so that both read all of it before they decode. */
const story = (repeat: number): GenerateRequest => ({
  messages: [
    { role: "system", content: `Story ${repeat}. You are a helpful assistant.` },
    { role: "user", content: "Write a long story about a lighthouse keeper who sails around the world." },
  ],
  adapter: null,
  sampling: { temperature: 0.7, topP: 1, topK: 40, minP: 0, repeatPenalty: 1, maxTokens: TOKENS },
  seed: repeat + 1,
});

/** Runs both sides, first one and then the other, with a rest before each. */
async function inTurns<Side extends string>(
  sides: Record<Side, () => Promise<number>>,
  order: Side[],
): Promise<Record<Side, number>> {
  const results = {} as Record<Side, number>;
  for (const side of order) {
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    results[side] = await sides[side]();
  }
  return results;
}

/** Tokens per second between the first token and the last. */
async function decodeThroughEngine(engine: LocalEngine, request: GenerateRequest): Promise<number> {
  let firstAt = 0;
  let produced = 0;
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.type === "delta" && firstAt === 0) firstAt = performance.now();
    if (event.type === "finished") produced = event.completionTokens;
  }
  return ((produced - 1) / (performance.now() - firstAt)) * 1000;
}

async function decodeBare(bare: ChildProcess, run: BareRun): Promise<number> {
  const reply = await ask(bare, { type: "run", ...run });
  return reply.type === "ran" ? reply.tokensPerSecond : Number.NaN;
}

async function ask(child: ChildProcess, message: ToBare): Promise<FromBare> {
  const answer = once(child, "message");
  child.send(message);
  const [reply] = await answer;
  return reply as FromBare;
}
