import path from "node:path";
import { packageRoot, readConfig } from "../../server/config.ts";
import { type GenerateRequest, LocalEngine } from "../../server/engines/index.ts";
import { resolveModel } from "../../server/models/index.ts";
import { type Figure, figure } from "./statistics.ts";

const REPEATS = 5;

const request = (content: string, maxTokens: number): GenerateRequest => ({
  messages: [
    { role: "system", content: "You are a helpful assistant." },
    { role: "user", content },
  ],
  adapter: null,
  sampling: { temperature: 0.7, topP: 1, topK: 40, minP: 0, repeatPenalty: 1, maxTokens },
  seed: 1,
});
const long = request("Write a very long story about the sea.", 1_500);
const huge = request("lighthouse ".repeat(900), 200);

/** `stopMs`: time from abort to the end of the stream, in ms, stopped in decode, in prefill and in the queue in turn. */
export async function stopLatency(note: (line: string) => void): Promise<Figure> {
  const config = readConfig(process.env);
  const base = await resolveModel(config.model, config.cacheDir, note);
  const engine = new LocalEngine({
    workerPath: path.join(packageRoot, "dist/server/engines/local/worker.js"),
    modelPath: base.path,
    gpu: config.gpu,
    threads: config.threads,
    contextSize: 2048,
    sequences: 2,
    maxContexts: 1,
    onLoading: () => undefined,
    onLog: () => undefined,
  });
  try {
    await engine.ready();
    await stopAfter(engine, long, 500);
    const all: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const decode = await stopAfter(engine, long, 400);
      const prefill = await stopAfter(engine, { ...huge, seed: repeat }, 150);
      const busy = [new AbortController(), new AbortController()];
      const others = busy.map(({ signal }) => drain(engine, long, signal));
      const queue = await stopAfter(engine, long, 300);
      for (const controller of busy) controller.abort();
      await Promise.all(others);
      note(`decode ${decode.toFixed(0)} ms, prefill ${prefill.toFixed(0)} ms, queue ${queue.toFixed(0)} ms`);
      all.push(decode, prefill, queue);
    }
    // The slowest one counts: nobody who presses stop waits for a median.
    const measured = figure(all, 300, "lower");
    return { ...measured, met: measured.high <= measured.goal };
  } finally {
    await engine.close();
  }
}

async function stopAfter(engine: LocalEngine, what: GenerateRequest, ms: number): Promise<number> {
  const controller = new AbortController();
  let abortedAt = 0;
  setTimeout(() => {
    abortedAt = performance.now();
    controller.abort();
  }, ms);
  await drain(engine, what, controller.signal);
  if (abortedAt === 0) throw new Error("the answer ended before it could be stopped");
  return performance.now() - abortedAt;
}

async function drain(engine: LocalEngine, what: GenerateRequest, signal: AbortSignal): Promise<void> {
  for await (const event of engine.generate(what, signal)) void event;
}
