import { getLlama, LlamaLogLevel, type Token } from "node-llama-cpp";

/*
 * The yardstick: node-llama-cpp's own evaluate loop and nothing around it. A process of its own, started with the pool
 * size and threads that the engine uses. Loads on "load", decodes once for each "run", answers with tokens per second.
 */

export interface BareRun {
  prompt: Token[];
  tokens: number;
  seed: number;
}

export type ToBare =
  | { type: "load"; modelPath: string; threads: number; contextSize: number }
  | ({ type: "run" } & BareRun);
export type FromBare = { type: "loaded" } | { type: "ran"; tokensPerSecond: number };

type Sequence = Awaited<ReturnType<typeof load>>;
let sequence: Sequence | null = null;

async function load(options: Extract<ToBare, { type: "load" }>) {
  const llama = await getLlama({
    gpu: false,
    build: "never",
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath: options.modelPath });
  const { threads, contextSize } = options;
  const context = await model.createContext({ threads, contextSize, sequences: 2, batchSize: 256 });
  return context.getSequence();
}

async function decode(target: Sequence, { prompt, tokens, seed }: BareRun): Promise<number> {
  await target.clearHistory();
  let produced = 0;
  let firstAt = 0;
  for await (const _ of target.evaluate(prompt, { temperature: 0.7, seed, yieldEogToken: true })) {
    if (produced === 0) firstAt = performance.now();
    if (++produced >= tokens) break;
  }
  return ((produced - 1) / (performance.now() - firstAt)) * 1000;
}

const send = (message: FromBare): void => void process.send?.(message);

process.on("message", async (message: ToBare) => {
  if (message.type === "load") {
    sequence = await load(message);
    send({ type: "loaded" });
  } else if (sequence) {
    send({ type: "ran", tokensPerSecond: await decode(sequence, message) });
  }
});
process.on("disconnect", () => process.exit(0));
