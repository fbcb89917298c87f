import type { GenerateRequest, LocalEngine } from "../../server/engines/index.ts";
import { samplingFor, withEngine } from "./bench-engine.ts";
import type { Context, Measurement } from "./context.ts";
import { REPEATS } from "./side-by-side.ts";
import { type Figure, figure } from "./statistics.ts";

const request = (content: string, maxTokens: number): GenerateRequest => ({
  messages: [
    { role: "system", content: "You are a helpful assistant." },
    { role: "user", content },
  ],
  adapter: null,
  sampling: samplingFor(maxTokens),
  seed: 1,
  user: "1",
});
const long = request("Write a very long story about the sea.", 1_500);
const huge = "lighthouse ".repeat(900);

/**
 * `stopMs`: time from abort to the end of the stream, stopped in decode, in prefill and in the queue in turn.
 * `cancelBesideThreeMs`: the same while three others stream through the same context; its sequence is free then.
 */
export const stopLatency: Measurement = {
  units: { stopMs: "ms", cancelBesideThreeMs: "ms" },
  needsPeer: false,
  measure: async (context) => ({
    stopMs: await alone(context),
    cancelBesideThreeMs: await besideThree(context),
  }),
};

async function besideThree(context: Context): Promise<Figure> {
  return withEngine(context, { contextSize: 2048, sequences: 4 }, async (engine) => {
    const all: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const done = new AbortController();
      const others = ["b", "c", "d"].map((user) => drain(engine, { ...long, user }, done.signal));
      // By then all four have read their prompts, and their texts are of different lengths.
      for (const ms of [1_000, 300, 450]) all.push(await stopAfter(engine, { ...long, user: "a" }, ms));
      done.abort();
      await Promise.all(others);
      context.note(
        `beside three: ${all
          .slice(-3)
          .map((ms) => ms.toFixed(0))
          .join(", ")} ms`,
      );
    }
    return slowestCounts(figure(all, 100, "lower"));
  });
}

async function alone(context: Context): Promise<Figure> {
  return withEngine(context, { contextSize: 2048, sequences: 2 }, async (engine) => {
    await stopAfter(engine, long, 500);
    const all: number[] = [];
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const decode = await stopAfter(engine, long, 400);
      // Unlike what was read before from its first word on.
      const prefill = await stopAfter(engine, request(`${repeat} ${huge}`, 200), 150);
      const busy = [new AbortController(), new AbortController()];
      const others = busy.map(({ signal }, index) =>
        drain(engine, { ...long, user: `other ${index}` }, signal),
      );
      const queue = await stopAfter(engine, long, 300);
      for (const controller of busy) controller.abort();
      await Promise.all(others);
      context.note(
        `decode ${decode.toFixed(0)} ms, prefill ${prefill.toFixed(0)} ms, queue ${queue.toFixed(0)} ms`,
      );
      all.push(decode, prefill, queue);
    }
    return slowestCounts(figure(all, 300, "lower"));
  });
}

/** Nobody who presses stop waits for a median. */
const slowestCounts = (measured: Figure): Figure => ({ ...measured, met: measured.high <= measured.goal });

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
