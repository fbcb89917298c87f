import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { Sampling } from "../../../server/engines/index.ts";
import { pause } from "../side-by-side.ts";
import type { Streamed } from "../streamed.ts";
import type { Peer } from "./build.ts";

const START_MS = 60_000;

export interface LlamaServerOptions {
  modelPath: string;
  threads: number;
  /** Conversations at once. */
  slots: number;
  /** Tokens of one conversation. */
  contextSize: number;
  /** LoRA files; a request names one by its place here. */
  adapters: string[];
  /** For prompts that no slot holds any more; 0, the default, keeps none. */
  cacheMiB?: number;
  /** What a request has to carry. */
  apiKey?: string;
  /** A free one where left out. */
  port?: number;
  note: (line: string) => void;
}

export interface Completion {
  prompt: number[];
  /** Place of the adapter; every other one has scale 0. */
  adapter: number;
  sampling: Sampling;
  seed: number;
}

/** What a line of the stream holds: https://github.com/ggml-org/llama.cpp/tree/master/tools/server */
interface Chunk {
  content: string;
  stop: boolean;
  tokens_predicted: number;
  tokens_evaluated: number;
}

/** llama.cpp's server as a process of its own on a free loopback port. */
export class LlamaServer {
  readonly #child: ChildProcess;
  readonly url: string;
  readonly #adapters: number;
  readonly #onExit = (): void => void this.#child.kill("SIGKILL");

  static async start(peer: Peer, options: LlamaServerOptions): Promise<LlamaServer> {
    const { modelPath, threads, slots, contextSize, adapters, cacheMiB = 0, apiKey, note } = options;
    const { port = await freePort() } = options;
    const flags = [
      ["-m", modelPath],
      ["-t", String(threads)],
      ["-c", String(slots * contextSize)],
      ["-np", String(slots)],
      ["--cache-ram", String(cacheMiB)],
      ["--device", "none"],
      adapters.length > 0 ? ["--lora-init-without-apply", "--lora", adapters.join(",")] : [],
      apiKey ? ["--api-key", apiKey] : [],
      ["--host", "127.0.0.1"],
      ["--port", String(port)],
      ["--offline"],
    ].flat();
    note(`llama-server ${flags.join(" ")}`);
    const child = spawn(peer.server, flags, { stdio: ["ignore", "ignore", "pipe"] });
    const server = new LlamaServer(child, `http://127.0.0.1:${port}`, adapters.length);
    await server.#ready();
    return server;
  }

  private constructor(child: ChildProcess, url: string, adapters: number) {
    this.#child = child;
    this.url = url;
    this.#adapters = adapters;
    process.once("exit", this.#onExit);
  }

  /** One answer, its end token ignored, nothing of its prompt taken from a cache. */
  async complete({ prompt, adapter, sampling, seed }: Completion): Promise<Streamed> {
    const body = {
      prompt,
      seed,
      n_predict: sampling.maxTokens,
      temperature: sampling.temperature,
      top_k: sampling.topK,
      top_p: sampling.topP,
      min_p: sampling.minP,
      repeat_penalty: sampling.repeatPenalty,
      lora: Array.from({ length: this.#adapters }, (_, id) => ({ id, scale: id === adapter ? 1 : 0 })),
      stream: true,
      cache_prompt: false,
      ignore_eos: true,
    };
    const askedAt = performance.now();
    const response = await fetch(`${this.url}/completion`, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok || !response.body) throw new Error(`llama-server: ${await response.text()}`);
    const textAt: number[] = [];
    for await (const line of createInterface({ input: Readable.fromWeb(response.body) })) {
      if (!line.startsWith("data: ")) continue;
      const chunk: Chunk = JSON.parse(line.slice("data: ".length));
      const now = performance.now();
      if (!chunk.stop) textAt.push(now);
      else if (chunk.tokens_evaluated !== prompt.length)
        throw new Error(`llama-server read ${chunk.tokens_evaluated} tokens instead of ${prompt.length}`);
      else return { askedAt, textAt, endedAt: now, tokens: chunk.tokens_predicted };
    }
    throw new Error("llama-server ended a stream before its end");
  }

  async close(): Promise<void> {
    process.off("exit", this.#onExit);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  async #ready(): Promise<void> {
    let tail = "";
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-2_000);
    });
    for (const startedAt = performance.now(); performance.now() - startedAt < START_MS; await pause(100)) {
      if (this.#child.exitCode !== null) break;
      // Refused until it listens, 503 while it loads.
      const health = await fetch(`${this.url}/health`).catch(() => null);
      if (health?.ok) return;
    }
    await this.close();
    throw new Error(`llama-server did not start:\n${tail.trim()}`);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
