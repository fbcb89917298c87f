import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { packageRoot, readConfig } from "../../server/config.ts";
import { type GenerateRequest, LocalEngine, withPromptEncoder } from "../../server/engines/index.ts";
import { resolveModel } from "../../server/models/index.ts";
import type { FromBare, ToBare } from "./bare-loop.ts";
import { type Figure, figure } from "./statistics.ts";

const REPEATS = 15;
const TOKENS = 128;
const CONTEXT = 2048;

/**
 * `engineDecode`: decode speed of one stream through the whole engine (child process, step loop, detokenising, IPC) over
 * that of a bare evaluate loop with the same model, threads and pool size, in turns in one run.
 */
export async function engineDecode(note: (line: string) => void): Promise<Figure> {
  const config = readConfig(process.env);
  const base = await resolveModel(config.model, config.cacheDir, note);
  const request: Omit<GenerateRequest, "seed"> = {
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      {
        role: "user",
        content: "Write a long story about a lighthouse keeper who learns to sail around the world.",
      },
    ],
    adapter: null,
    sampling: { temperature: 0.7, topP: 1, topK: 40, minP: 0, repeatPenalty: 1, maxTokens: TOKENS },
  };
  const prompt = await withPromptEncoder(base.path, (encoder) => encoder.prompt(request.messages));
  const engine = new LocalEngine({
    workerPath: path.join(packageRoot, "dist/server/engines/local/worker.js"),
    modelPath: base.path,
    gpu: "off",
    threads: config.threads,
    contextSize: CONTEXT,
    sequences: 2,
    maxContexts: 1,
    onLoading: () => undefined,
    onLog: () => undefined,
  });
  await engine.ready();
  const { threads } = engine.health();
  const bare = fork(path.join(import.meta.dirname, "bare-loop.js"), {
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    execArgv: [],
  });
  await ask(bare, { type: "load", modelPath: base.path, threads, contextSize: CONTEXT });
  try {
    const ratios: number[] = [];
    for (let repeat = 0; repeat <= REPEATS; repeat++) {
      const seed = repeat + 1;
      const ours = await decodeThroughEngine(engine, { ...request, seed });
      const theirs = await ask(bare, { type: "run", prompt, tokens: TOKENS, seed });
      const reference = theirs.type === "ran" ? theirs.tokensPerSecond : Number.NaN;
      const ratio = ours / reference;
      // The first pair warms caches and clocks up.
      if (repeat > 0) ratios.push(ratio);
      note(
        `engine ${ours.toFixed(1)} tok/s, bare loop ${reference.toFixed(1)} tok/s, ratio ${ratio.toFixed(3)}${repeat ? "" : " (warm-up)"}`,
      );
    }
    return figure(ratios, 0.95, "higher");
  } finally {
    bare.disconnect();
    await engine.close();
  }
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

async function ask(child: ChildProcess, message: ToBare): Promise<FromBare> {
  const answer = once(child, "message");
  child.send(message);
  const [reply] = await answer;
  return reply as FromBare;
}
