import { type ChildProcess, fork } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type EngineHealth, PatchbayError } from "../../protocol/index.ts";
import { emptyHealth } from "../empty-health.ts";
import type { AdapterFile, Engine, GenerateRequest, GenerationEvent } from "../engine.ts";
import { EventChannel } from "./event-channel.ts";
import type { FromWorker, Outcome, ToWorker, WorkerOptions } from "./messages.ts";

/** Crashes in a row, without an answer in between, after which the process is not started again. */
const MAX_CRASHES = 4;

/** Contexts that a GPU may run side by side, each from a thread of the pool. */
const GPU_THREAD_POOL = 16;

export interface LocalEngineOptions extends Omit<WorkerOptions, "stateDir" | "threadPool"> {
  /** Compiled worker module. */
  workerPath: string;
  onLoading: (progress: number) => void;
  /** Lines that the model process writes to standard error. */
  onLog: (text: string) => void;
}

interface Plugged {
  adapter: AdapterFile | null;
  systemPrompt: string;
  /** null once it is done; it is asked for again when the process was restarted. */
  waiting: { resolve: () => void; reject: (error: PatchbayError) => void } | null;
}

type State =
  | { is: "loading" }
  | { is: "ready"; health: EngineHealth }
  | { is: "failed"; error: PatchbayError }
  | { is: "closed" };

/**
 * node-llama-cpp in a process of its own. Answers stream over IPC; when the process dies, what was running fails with
 * `engine-crashed`, the process is started again, and requests that come meanwhile wait for it.
 */
export class LocalEngine implements Engine {
  readonly #options: LocalEngineOptions;
  readonly #channels = new Map<number, EventChannel<GenerationEvent>>();
  readonly #started = new Set<number>();
  readonly #plugged = new Map<number, Plugged>();
  readonly #stateDir = fs.mkdtempSync(path.join(os.tmpdir(), "patchbay-kv-"));
  #child: ChildProcess | null = null;
  #state: State = { is: "loading" };
  #stateChanged: (() => void)[] = [];
  #threadPool = 1;
  #crashes = 0;
  #nextId = 1;

  /** Starts loading at once; {@link ready} tells when it is done. */
  constructor(options: LocalEngineOptions) {
    this.#options = options;
    this.#spawn();
  }

  /** @throws {PatchbayError} `model-corrupt`, `engine-unavailable` */
  async ready(signal?: AbortSignal): Promise<void> {
    while (this.#state.is === "loading") {
      if (signal?.aborted) return;
      await new Promise<void>((resolve) => {
        this.#stateChanged.push(resolve);
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    if (this.#state.is === "failed") throw this.#state.error;
    if (this.#state.is === "closed")
      throw new PatchbayError("engine-unavailable", "The server is shutting down.");
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    await this.ready(signal);
    if (signal.aborted) {
      yield { type: "finished", reason: "stopped", completionTokens: 0 };
      return;
    }
    const id = this.#nextId++;
    const channel = new EventChannel<GenerationEvent>();
    const cancel = () => this.#send({ type: "cancel", id });
    this.#channels.set(id, channel);
    this.#send({ type: "generate", id, request });
    signal.addEventListener("abort", cancel, { once: true });
    try {
      yield* channel;
    } finally {
      signal.removeEventListener("abort", cancel);
      // A reader that left early has no use for the rest.
      if (this.#channels.delete(id)) cancel();
      this.#started.delete(id);
    }
  }

  async plug(adapter: AdapterFile | null, systemPrompt: string): Promise<void> {
    await this.ready();
    this.#forget(adapter);
    const id = this.#nextId++;
    await new Promise<void>((resolve, reject) => {
      this.#plugged.set(id, { adapter, systemPrompt, waiting: { resolve, reject } });
      this.#send({ type: "plug", id, adapter, systemPrompt });
    });
  }

  unplug(adapter: AdapterFile): void {
    this.#forget(adapter);
    this.#send({ type: "unplug", adapter });
  }

  /** Why nothing can be answered at the moment, or null. */
  get unavailable(): "loading" | PatchbayError | null {
    if (this.#state.is === "failed") return this.#state.error;
    return this.#state.is === "ready" ? null : "loading";
  }

  health(): EngineHealth & { running: number; waiting: number } {
    return {
      ...(this.#state.is === "ready" ? this.#state.health : emptyHealth),
      running: this.#started.size,
      waiting: this.#channels.size - this.#started.size,
    };
  }

  async close(): Promise<void> {
    this.#setState({ is: "closed" });
    const child = this.#child;
    this.#child = null;
    if (child && child.exitCode === null && child.signalCode === null)
      await new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      });
    for (const { waiting } of this.#plugged.values())
      waiting?.reject(new PatchbayError("engine-unavailable", "The server is shutting down."));
    this.#plugged.clear();
    fs.rmSync(this.#stateDir, { recursive: true, force: true });
  }

  /** The model process's id, for those who watch its memory or, in tests, end it. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  #spawn(): void {
    const { workerPath, onLog, onLoading: _, ...worker } = this.#options;
    const child = fork(workerPath, {
      env: { ...process.env, UV_THREADPOOL_SIZE: String(this.#threadPool) },
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    child.stderr?.setEncoding("utf8").on("data", onLog);
    child.on("message", (message: FromWorker) => this.#receive(message));
    child.on("error", (error) => onLog(`model process: ${error.message}\n`));
    child.on("exit", (code, signal) => child === this.#child && this.#onExit(code, signal));
    const own = { stateDir: this.#stateDir, threadPool: this.#threadPool };
    this.#send({ type: "load", options: { ...worker, ...own } });
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "loading":
        this.#options.onLoading(message.progress);
        break;
      case "loaded":
        this.#onLoaded(message.health, message.gpu);
        break;
      case "load-failed":
        this.#setState({ is: "failed", error: PatchbayError.fromBody(message.error) });
        break;
      case "outcomes":
        if (this.#state.is === "ready") this.#state = { is: "ready", health: message.health };
        for (const outcome of message.outcomes) this.#settle(outcome);
        break;
      default:
        message satisfies never;
    }
  }

  #onLoaded(health: EngineHealth, gpu: boolean): void {
    if (gpu && this.#threadPool === 1) {
      // A GPU runs contexts side by side, each from a pool thread of its own, and the pool's size is fixed at start.
      this.#threadPool = GPU_THREAD_POOL;
      const child = this.#child;
      this.#child = null;
      child?.kill("SIGKILL");
      this.#spawn();
      return;
    }
    this.#setState({ is: "ready", health });
    for (const [id, { adapter, systemPrompt }] of this.#plugged)
      this.#send({ type: "plug", id, adapter, systemPrompt });
  }

  #settle(outcome: Outcome): void {
    if ("event" in outcome) this.#onEvent(outcome.id, outcome.event);
    else if ("plugged" in outcome) this.#onPlugged(outcome.id);
    else this.#onError(outcome.id, PatchbayError.fromBody(outcome.error));
  }

  #onPlugged(id: number): void {
    const plugged = this.#plugged.get(id);
    plugged?.waiting?.resolve();
    if (plugged) plugged.waiting = null;
  }

  #onError(id: number, error: PatchbayError): void {
    this.#plugged.get(id)?.waiting?.reject(error);
    this.#plugged.delete(id);
    this.#channels.get(id)?.fail(error);
    this.#channels.delete(id);
  }

  #onEvent(id: number, event: GenerationEvent): void {
    const channel = this.#channels.get(id);
    channel?.push(event);
    if (event.type === "started") this.#started.add(id);
    if (event.type !== "finished") return;
    this.#crashes = 0;
    this.#channels.delete(id);
    channel?.end();
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.#options.onLog(`model process ended (${signal ?? `code ${code}`})\n`);
    const crash = new PatchbayError("engine-crashed", "The model process ended unexpectedly.", {
      hint: "It is being restarted: ask again in a moment.",
    });
    for (const channel of this.#channels.values()) channel.fail(crash);
    this.#channels.clear();
    this.#started.clear();
    if (this.#state.is === "closed" || this.#state.is === "failed") return;
    this.#crashes++;
    if (this.#crashes > MAX_CRASHES) {
      const error = new PatchbayError(
        "engine-unavailable",
        "The model process keeps ending and is not started again.",
        {
          hint: "See the server's log; memory that runs out and a damaged model file are the usual causes.",
        },
      );
      this.#setState({ is: "failed", error });
      return;
    }
    this.#setState({ is: "loading" });
    setTimeout(() => this.#state.is === "loading" && this.#spawn(), 250 * (this.#crashes - 1));
  }

  #send(message: ToWorker): void {
    if (this.#child?.connected) this.#child.send(message);
  }

  /** What was asked for before counts no more. */
  #forget(adapter: AdapterFile | null): void {
    for (const [id, plugged] of this.#plugged) {
      if (plugged.adapter?.sha256 !== adapter?.sha256) continue;
      this.#plugged.delete(id);
      plugged.waiting?.resolve();
    }
  }

  #setState(state: State): void {
    this.#state = state;
    const waiters = this.#stateChanged;
    this.#stateChanged = [];
    for (const wake of waiters) wake();
  }
}
