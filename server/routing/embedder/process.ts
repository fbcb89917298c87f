import os from "node:os";
import {
  getLlama,
  type LlamaEmbeddingContext,
  LlamaLogLevel,
  type LlamaModel,
  type Token,
} from "node-llama-cpp";
import type { FromEmbedder, ToEmbedder } from "./messages.ts";

/*
 * The process that embeds: a sentence encoder on one thread, apart from the model process, where it would wait behind
 * prefills. The router starts it with UV_THREADPOOL_SIZE=1, since jobs that hop between pool threads run slower.
 */

/** Of a longer text the beginning and the end count, as in features.ts; more tokens take time that nobody waits for. */
const HEAD_TOKENS = 94;
const TAIL_TOKENS = 32;
/** Tokens around a text. */
const AROUND = 2;
const CONTEXT_TOKENS = HEAD_TOKENS + TAIL_TOKENS + AROUND;
/** llama.cpp's flash attention takes this many tokens at once; fewer go one by one, and then take twice as long as without. */
const FLASH_TOKENS = 64;
/** No token is longer than a few characters on the average; tokenising megabytes takes seconds. */
const HEAD_CHARS = 1500;
const TAIL_CHARS = 500;
/** Bulk work gives way to answers. */
const BACKGROUND_NICENESS = 10;

const send = (message: FromEmbedder): void => {
  if (process.connected) process.send?.(message);
};

/** For texts below {@link FLASH_TOKENS}, and for the others. */
interface Contexts {
  short: LlamaEmbeddingContext;
  long: LlamaEmbeddingContext;
}

class Encoder {
  readonly #model: LlamaModel;
  readonly #contexts: Contexts;

  static async load(modelPath: string): Promise<Encoder> {
    const llama = await getLlama({
      gpu: false,
      build: "never",
      progressLogs: false,
      logLevel: LlamaLogLevel.error,
      logger: (_level, message) => process.stderr.write(`llama.cpp: ${message.trimEnd()}\n`),
    });
    // Flash attention is the model's setting; both map the same file.
    const contextOf = async (flashAttention: boolean, tokens: number) => {
      const model = await llama.loadModel({ modelPath, defaultContextFlashAttention: flashAttention });
      const size = { contextSize: tokens + 1, batchSize: tokens + 1 };
      return { model, context: await model.createEmbeddingContext({ ...size, threads: 1 }) };
    };
    const short = await contextOf(false, FLASH_TOKENS);
    const long = await contextOf(true, CONTEXT_TOKENS);
    return new Encoder(short.model, { short: short.context, long: long.context });
  }

  private constructor(model: LlamaModel, contexts: Contexts) {
    this.#model = model;
    this.#contexts = contexts;
  }

  get dimensions(): number {
    return this.#model.embeddingVectorSize;
  }

  /** Unit length; all zeros for a text without tokens. */
  async embed(text: string): Promise<Float32Array> {
    const tokens = this.#tokensOf(text);
    if (tokens.length === 0) return new Float32Array(this.dimensions);
    const { short, long } = this.#contexts;
    const context = tokens.length + AROUND < FLASH_TOKENS ? short : long;
    const { vector } = await context.getEmbeddingFor(tokens);
    const length = Math.hypot(...vector) || 1;
    return Float32Array.from(vector, (value) => (Number.isFinite(value) ? value / length : 0));
  }

  #tokensOf(text: string): Token[] {
    const cut =
      text.length <= HEAD_CHARS + TAIL_CHARS
        ? text
        : `${text.slice(0, HEAD_CHARS)}\n${text.slice(-TAIL_CHARS)}`;
    const tokens = this.#model.tokenize(cut);
    if (tokens.length <= HEAD_TOKENS + TAIL_TOKENS) return tokens;
    return [...tokens.slice(0, HEAD_TOKENS), ...tokens.slice(-TAIL_TOKENS)];
  }
}

let encoder: Encoder | null = null;
/** One text at a time. */
let queue: Promise<void> = Promise.resolve();

async function handle(message: ToEmbedder): Promise<void> {
  switch (message.type) {
    case "load":
      if (message.background) os.setPriority(BACKGROUND_NICENESS);
      encoder = await Encoder.load(message.modelPath);
      return send({ type: "loaded", dimensions: encoder.dimensions });
    case "embed": {
      const vectors: Float32Array[] = [];
      for (const text of message.texts) if (encoder) vectors.push(await encoder.embed(text));
      return send({ type: "embedded", id: message.id, vectors });
    }
    default:
      message satisfies never;
  }
}

process.on("message", (message: ToEmbedder) => {
  queue = queue
    .then(() => handle(message))
    .catch((error: Error) => {
      if (message.type === "load") return send({ type: "load-failed", message: error.message });
      // A fault in the native code's state: a fresh process is better than wrong vectors.
      throw error;
    });
});
process.on("disconnect", () => process.exit(0));
