import { type ChildProcess, fork } from "node:child_process";
import type { FromEmbedder, ToEmbedder } from "./messages.ts";

/** Turns texts into vectors of unit length, which are near each other where the texts mean much the same. */
export interface Embedder {
  /** One a text, in order; null where they cannot be had in time. Never rejects. */
  embed(texts: readonly string[]): Promise<readonly Float32Array[] | null>;
  /** For people: whether it works, or why not. */
  readonly state: EmbedderState;
  close(): Promise<void>;
}

export type EmbedderState = "loading" | "ready" | "restarting" | "failed";

export interface EmbedderOptions {
  /** Compiled process.ts. */
  processPath: string;
  /** A sentence encoder as GGUF. */
  modelPath: string;
  /** How long an answer is waited for, in ms, before it is done without; bulk work waits, at low priority. */
  work: { patienceMs: number } | "bulk";
  onLog: (text: string) => void;
}

/** Texts whose vectors are kept: each turn asks again for those before it. */
const KEPT = 512;
/** Crashes in a row, without a vector in between, after which the process is not started again. */
const MAX_CRASHES = 4;
const RESTART_MS = 250;
/** Longer texts differ at their ends only, and are not kept. */
const MAX_KEPT_CHARS = 2_000;

/** node-llama-cpp with a sentence encoder in a process of its own; when it dies it is started again. */
export class EmbedderProcess implements Embedder {
  readonly #options: EmbedderOptions;
  readonly #waiting = new Map<number, (vectors: Float32Array[] | null) => void>();
  readonly #kept = new Map<string, Float32Array>();
  #child: ChildProcess | null = null;
  #state: EmbedderState | "closed" = "loading";
  #settled: (() => void)[] = [];
  #crashes = 0;
  #nextId = 1;

  /** Starts loading at once. */
  constructor(options: EmbedderOptions) {
    this.#options = options;
    this.#spawn();
  }

  get state(): EmbedderState {
    return this.#state === "closed" ? "failed" : this.#state;
  }

  /** The process's id, for those who watch it or, in tests, end it. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves once it works or has failed for good. */
  async ready(): Promise<boolean> {
    while (this.#state === "loading" || this.#state === "restarting")
      await new Promise<void>((resolve) => this.#settled.push(resolve));
    return this.#state === "ready";
  }

  async embed(texts: readonly string[]): Promise<readonly Float32Array[] | null> {
    if (this.#options.work === "bulk") await this.ready();
    const missing = [...new Set(texts.filter((text) => !this.#kept.has(text)))];
    const made = new Map<string, Float32Array>();
    if (missing.length > 0) {
      const vectors = await this.#ask(missing);
      if (!vectors) return null;
      for (const [at, text] of missing.entries()) made.set(text, vectors[at] ?? new Float32Array());
    }
    const found = texts.map((text) => this.#kept.get(text) ?? made.get(text) ?? new Float32Array());
    for (const [at, text] of texts.entries()) this.#keep(text, found[at] ?? new Float32Array());
    return found;
  }

  async close(): Promise<void> {
    this.#setState("closed");
    const child = this.#child;
    this.#child = null;
    this.#giveUp();
    if (child && child.exitCode === null && child.signalCode === null)
      await new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      });
  }

  #ask(texts: readonly string[]): Promise<Float32Array[] | null> {
    if (this.#state !== "ready") return Promise.resolve(null);
    const id = this.#nextId++;
    const { work } = this.#options;
    return new Promise((resolve) => {
      const timer = work === "bulk" ? undefined : setTimeout(() => settle(null), work.patienceMs);
      const settle = (vectors: Float32Array[] | null) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(vectors);
      };
      this.#waiting.set(id, settle);
      this.#send({ type: "embed", id, texts });
    });
  }

  /** The least recently asked for goes first. */
  #keep(text: string, vector: Float32Array): void {
    if (text.length > MAX_KEPT_CHARS) return;
    this.#kept.delete(text);
    this.#kept.set(text, vector);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }

  #spawn(): void {
    const { processPath, modelPath, work, onLog } = this.#options;
    const child = fork(processPath, {
      env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    child.stderr?.setEncoding("utf8").on("data", onLog);
    child.on("message", (message: FromEmbedder) => child === this.#child && this.#receive(message));
    child.on("error", (error) => onLog(`embedder: ${error.message}\n`));
    child.on("exit", (code, signal) => child === this.#child && this.#onExit(signal ?? `code ${code}`));
    this.#send({ type: "load", modelPath, background: work === "bulk" });
  }

  #receive(message: FromEmbedder): void {
    switch (message.type) {
      case "loaded":
        this.#setState("ready");
        break;
      case "load-failed":
        this.#options.onLog(`embedder: ${message.message}\n`);
        this.#setState("failed");
        break;
      case "embedded":
        this.#crashes = 0;
        this.#waiting.get(message.id)?.(message.vectors);
        break;
      default:
        message satisfies never;
    }
  }

  #onExit(how: string): void {
    this.#child = null;
    this.#options.onLog(`embedder ended (${how})\n`);
    this.#giveUp();
    if (this.#state === "closed" || this.#state === "failed") return;
    this.#crashes++;
    this.#setState(this.#crashes > MAX_CRASHES ? "failed" : "restarting");
    setTimeout(() => this.#state === "restarting" && this.#spawn(), RESTART_MS * this.#crashes);
  }

  /** Whoever waits does without. */
  #giveUp(): void {
    for (const settle of [...this.#waiting.values()]) settle(null);
  }

  #send(message: ToEmbedder): void {
    if (this.#child?.connected) this.#child.send(message);
  }

  #setState(state: EmbedderState | "closed"): void {
    this.#state = state;
    const waiters = this.#settled;
    this.#settled = [];
    for (const wake of waiters) wake();
  }
}
