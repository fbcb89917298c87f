import os from "node:os";
import { getLlama, type Llama, LlamaLogLevel, type LlamaModel } from "node-llama-cpp";
import { type EngineHealth, PatchbayError } from "../../protocol/index.ts";
import type { GenerateRequest, GenerationEvent } from "../engine.ts";
import { ContextPool } from "./context-pool.ts";
import { fitToContext } from "./fit-context.ts";
import { Generation } from "./generation.ts";
import type { FromWorker, ToWorker, WorkerOptions } from "./messages.ts";
import { PromptEncoder } from "./prompt-encoder.ts";
import { StepLoop } from "./step-loop.ts";
import { type StepKind, ThreadGovernor } from "./thread-governor.ts";

/*
 * The model process: it owns llama.cpp and nothing else. The server starts it with UV_THREADPOOL_SIZE=1 on a CPU,
 * since decode jobs that hop between pool threads run at half the speed, and a native crash here ends no server.
 */

const BATCH_SIZE = 256;
/** Long enough for the server process to take a delta. */
const PAUSE_MS = 1;

const send = (message: FromWorker): void => {
  if (process.connected) process.send?.(message);
};

class Worker {
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  readonly #encoder: PromptEncoder;
  readonly #pool: ContextPool;
  readonly #loop: StepLoop;
  readonly #options: WorkerOptions;
  readonly #threads: number;
  readonly #device: string;
  readonly #governor: ThreadGovernor;
  readonly #ids = new Map<Generation, number>();

  static async load(options: WorkerOptions): Promise<Worker> {
    const llama = await getLlama({
      gpu: options.gpu === "off" ? false : "auto",
      build: "never",
      progressLogs: false,
      logLevel: LlamaLogLevel.error,
      logger: (_level, message) => process.stderr.write(`llama.cpp: ${message.trimEnd()}\n`),
    });
    const model = await llama
      .loadModel({
        modelPath: options.modelPath,
        onLoadProgress: (progress) => send({ type: "loading", progress }),
      })
      .catch((cause) => {
        throw new PatchbayError("model-corrupt", `The model cannot be loaded: ${messageOf(cause)}`, {
          hint: "Check that the file is a complete GGUF model and that there is enough memory for it.",
        });
      });
    const device = llama.gpu === false ? "cpu" : ((await llama.getGpuDeviceNames())[0] ?? llama.gpu);
    return new Worker(llama, model, options, device);
  }

  private constructor(llama: Llama, model: LlamaModel, options: WorkerOptions, device: string) {
    this.#llama = llama;
    this.#model = model;
    this.#options = options;
    this.#device = device;
    this.#threads = options.threads ?? Math.min(os.availableParallelism(), Math.max(1, llama.cpuMathCores));
    this.#governor = new ThreadGovernor(this.#threads);
    this.#encoder = new PromptEncoder(model);
    this.#pool = new ContextPool(model, { ...options, threads: this.#threads, batchSize: BATCH_SIZE });
    this.#loop = new StepLoop({
      pool: this.#pool,
      batchSize: BATCH_SIZE,
      pauseMs: () => (this.#leavesNoCore() ? PAUSE_MS : 0),
      onFailed: (generation, error) => this.#fail(generation, error),
      onStep: (kind, cost) => this.#govern(kind, cost),
    });
  }

  get gpu(): boolean {
    return this.#llama.gpu !== false;
  }

  get health(): EngineHealth {
    return { device: this.#device, threads: this.#threads, ...this.#pool.size };
  }

  generate(id: number, request: GenerateRequest): void {
    try {
      const fitted = fitToContext(request.messages, (messages) => this.#encoder.prompt(messages), {
        contextSize: this.#options.contextSize,
        maxTokens: request.sampling.maxTokens,
      });
      const generation = new Generation(this.#model, request, fitted, (event) =>
        this.#emit(generation, event),
      );
      this.#ids.set(generation, id);
      this.#loop.add(generation);
    } catch (error) {
      send({ type: "failed", id, error: bodyOf(error) });
    }
  }

  cancel(id: number): void {
    for (const [generation, known] of this.#ids) if (known === id) this.#loop.cancel(generation);
  }

  #leavesNoCore(): boolean {
    const threads = this.#options.threads ?? this.#governor.threads;
    return !this.gpu && threads >= os.availableParallelism();
  }

  /** On a GPU the processor's threads do little, and a setting by hand is kept. */
  #govern(kind: StepKind, cost: number): void {
    if (this.gpu || this.#options.threads !== null) return;
    this.#governor.observe(kind, cost, performance.now());
    if (this.#llama.maxThreads !== this.#governor.threads) this.#llama.maxThreads = this.#governor.threads;
  }

  #emit(generation: Generation, event: GenerationEvent): void {
    const id = this.#ids.get(generation);
    if (id === undefined) return;
    send({ type: "event", id, event });
    if (event.type === "started") send({ type: "health", health: this.health });
    if (event.type === "finished") this.#ids.delete(generation);
  }

  #fail(generation: Generation, error: unknown): void {
    const id = this.#ids.get(generation);
    if (id === undefined) return;
    this.#ids.delete(generation);
    send({ type: "failed", id, error: bodyOf(error) });
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function bodyOf(error: unknown) {
  if (error instanceof PatchbayError) return error.toBody();
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return new PatchbayError("internal", `The model could not answer: ${messageOf(error)}`).toBody();
}

let worker: Worker | null = null;

process.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "load":
      Worker.load(message.options).then(
        (loaded) => {
          worker = loaded;
          send({ type: "loaded", health: loaded.health, gpu: loaded.gpu });
        },
        (error) => send({ type: "load-failed", error: bodyOf(error) }),
      );
      break;
    case "generate":
      worker?.generate(message.id, message.request);
      break;
    case "cancel":
      worker?.cancel(message.id);
      break;
    default:
      message satisfies never;
  }
});

// A server that died cannot say goodbye: without it there is nobody to answer for. Signals belong to the server, which
// lets running answers end first.
process.on("disconnect", () => process.exit(0));
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
