import fs from "node:fs";
import os from "node:os";
import { getLlama, type Llama, LlamaLogLevel, type LlamaModel, type Token } from "node-llama-cpp";
import { type EngineHealth, PatchbayError } from "../../protocol/index.ts";
import type { AdapterFile, GenerateRequest } from "../engine.ts";
import { ContextPool } from "./context-pool.ts";
import { CoreWatch } from "./core-watch.ts";
import { fitToContext } from "./fit-context.ts";
import { Generation } from "./generation.ts";
import { type MemoryPlan, planMemory } from "./memory-plan.ts";
import type { FromWorker, ToWorker, WorkerOptions } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { PromptEncoder } from "./prompt-encoder.ts";
import { PromptStates } from "./prompt-states.ts";
import { PromptWarmUp } from "./prompt-warm-up.ts";
import { Scheduler, type Step } from "./scheduler.ts";
import { StepLoop } from "./step-loop.ts";
import { ThreadGovernor } from "./thread-governor.ts";

/*
 * The model process: it owns llama.cpp and nothing else. The server starts it with UV_THREADPOOL_SIZE=1 on a CPU,
 * since decode jobs that hop between pool threads run at half the speed, and a native crash here ends no server.
 */

/** Tokens of one batch. Prompts are read at the same speed from 64 on a CPU; larger ones only take memory there. */
const BATCH_SIZE = { cpu: 256, gpu: 512 } as const;
/** Long enough for the server process to take a delta. */
const PAUSE_MS = 1;
/** Of a machine's memory, or of what the model leaves free on a GPU, for contexts where nobody set a budget. */
const MEMORY_SHARE = { cpu: 0.25, gpu: 0.8 } as const;
const MOST_ON_CPU_BYTES = 8 * 1024 ** 3;
/** Prompt parts below this cost as much as decoding. */
const WHOLE_CHUNK = 16;
/** A batch of n sequences takes about n^0.75 times as long as one of a single sequence. */
const BATCH_COST_EXPONENT = 0.75;

const send = (message: FromWorker): void => {
  if (process.connected) process.send?.(message);
};

class Worker {
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  readonly #encoder: PromptEncoder;
  readonly #states: PromptStates;
  readonly #pool: ContextPool;
  readonly #loop: StepLoop;
  readonly #outbox: Outbox;
  readonly #options: WorkerOptions;
  readonly #plan: MemoryPlan;
  readonly #threads: number;
  readonly #device: string;
  readonly #governor: ThreadGovernor;
  readonly #cores = new CoreWatch();

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
    const plan = await memoryPlan(llama, model, options);
    return new Worker(llama, model, options, plan, device);
  }

  private constructor(
    llama: Llama,
    model: LlamaModel,
    options: WorkerOptions,
    plan: MemoryPlan,
    device: string,
  ) {
    this.#llama = llama;
    this.#model = model;
    this.#options = options;
    this.#plan = plan;
    this.#device = device;
    this.#threads = options.threads ?? Math.min(os.availableParallelism(), Math.max(1, llama.cpuMathCores));
    this.#governor = new ThreadGovernor(this.#threads);
    this.#encoder = new PromptEncoder(model);
    this.#states = new PromptStates(options.stateDir);
    const scheduler = new Scheduler({
      maxWaiting: options.maxWaiting,
      batchSize: batchSizeOn(llama),
      groupsAtOnce: this.gpu ? options.threadPool : 1,
    });
    this.#pool = new ContextPool(model, {
      contextSize: options.contextSize,
      sequences: plan.sequences,
      threads: this.#threads,
      batchSize: batchSizeOn(llama),
      maxContexts: plan.maxContexts,
      budgetBytes: plan.budgetBytes,
      states: this.#states,
      folder: options.stateDir,
      msPerPromptToken: () => scheduler.msPerPromptToken,
      now: () => performance.now(),
    });
    this.#outbox = new Outbox((outcomes) => send({ type: "outcomes", outcomes, health: this.health }));
    this.#loop = new StepLoop({
      pool: this.#pool,
      scheduler,
      outbox: this.#outbox,
      maxWaitMs: options.maxWaitMs,
      pauseMs: () => (this.#leavesNoCore() ? PAUSE_MS : 0),
      onStep: (step, ms) => this.#govern(step, ms),
    });
  }

  get gpu(): boolean {
    return this.#llama.gpu !== false;
  }

  get health(): EngineHealth {
    const { contexts, sequences, sequencesInUse, contextBytes } = this.#pool.size;
    return {
      device: this.#device,
      threads: this.#threadsInUse,
      maxThreads: this.#threads,
      threadPool: this.#options.threadPool,
      gpuLayers: this.#model.gpuLayers,
      contexts,
      maxContexts: this.#plan.maxContexts,
      sequences,
      sequencesInUse,
      contextSize: this.#options.contextSize,
      batchSize: batchSizeOn(this.#llama),
      contextMiB: toMiB(contextBytes),
      budgetMiB: toMiB(this.#plan.budgetBytes),
    };
  }

  generate(id: number, request: GenerateRequest): void {
    try {
      const fitted = fitToContext(request.messages, (messages) => this.#encoder.prompt(messages), {
        contextSize: this.#options.contextSize,
        maxTokens: request.sampling.maxTokens,
      });
      const group = this.#keyOf(request.adapter);
      const generation = new Generation(
        this.#model,
        { id, group, request, fitted },
        {
          onText: (text, first, logprobs) => this.#outbox.addText(id, text, first, logprobs),
          onEvent: (event) => this.#outbox.add({ id, event }),
          onFailed: (error) => this.#outbox.add({ id, error: bodyOf(error) }),
        },
      );
      this.#loop.add(generation);
    } catch (error) {
      this.#refuse(id, error);
    }
  }

  cancel(id: number): void {
    this.#loop.cancel(id);
  }

  plug(id: number, adapter: AdapterFile | null, systemPrompt: string): void {
    try {
      const warmUp = new PromptWarmUp({
        id,
        group: this.#keyOf(adapter),
        adapter,
        tokens: this.#commonStart(systemPrompt),
        states: this.#states,
        onDone: () => this.#outbox.add({ id, plugged: true }),
        onFailed: (error) => this.#outbox.add({ id, error: bodyOf(error) }),
      });
      this.#loop.add(warmUp);
    } catch (error) {
      this.#refuse(id, error);
    }
  }

  unplug(adapter: AdapterFile): void {
    this.#loop.retire(this.#keyOf(adapter));
  }

  /** Hashes, not names: no KV state ever crosses base models, adapters or versions. */
  #keyOf(adapter: AdapterFile | null): string {
    return `${this.#options.modelSha256}:${adapter?.sha256 ?? "base"}`;
  }

  /** The tokens that every conversation with this system prompt starts with. */
  #commonStart(systemPrompt: string): Token[] {
    const [one = [], other = []] = ["A", "1"].map((content) =>
      this.#encoder.prompt([
        { role: "system", content: systemPrompt },
        { role: "user", content },
      ]),
    );
    const parting = one.findIndex((token, index) => token !== other[index]);
    return parting < 0 ? one : one.slice(0, parting);
  }

  #refuse(id: number, error: unknown): void {
    this.#outbox.add({ id, error: bodyOf(error) });
    this.#outbox.flush(performance.now());
  }

  get #threadsInUse(): number {
    return this.gpu || this.#options.threads !== null ? this.#threads : this.#governor.threads;
  }

  #leavesNoCore(): boolean {
    return !this.gpu && this.#threadsInUse >= os.availableParallelism();
  }

  /** On a GPU the processor's threads do little, and a setting by hand is kept. */
  #govern(step: Step, ms: number): void {
    if (this.gpu || this.#options.threads !== null) return;
    const now = performance.now();
    const { cores } = this.#cores;
    if (step.kind === "decode")
      this.#governor.observe("decode", ms / step.ids.length ** BATCH_COST_EXPONENT, now, cores);
    else if (step.tokens >= WHOLE_CHUNK) this.#governor.observe("prefill", ms / step.tokens, now, cores);
    if (this.#llama.maxThreads !== this.#governor.threads) this.#llama.maxThreads = this.#governor.threads;
  }
}

const batchSizeOn = (llama: Llama): number => (llama.gpu === false ? BATCH_SIZE.cpu : BATCH_SIZE.gpu);

const toMiB = (bytes: number): number => Math.round(bytes / 1024 ** 2);

/** Contexts lie in the GPU's memory where the model does, else in the machine's. */
async function memoryPlan(llama: Llama, model: LlamaModel, options: WorkerOptions): Promise<MemoryPlan> {
  const bytesOf = new Map<number, number>();
  for (const sequences of new Set([4, 2, options.sequences ?? 4])) {
    const needed = await model.fileInsights.estimateContextResourceRequirementsV2({
      contextSize: options.contextSize,
      sequences,
      modelGpuLayers: model.gpuLayers,
      batchSize: batchSizeOn(llama),
    });
    bytesOf.set(sequences, needed.cpuRam + needed.gpuVram);
  }
  const spare =
    llama.gpu === false
      ? Math.min(os.totalmem() * MEMORY_SHARE.cpu, MOST_ON_CPU_BYTES)
      : (await llama.getVramState()).free * MEMORY_SHARE.gpu;
  return planMemory(options, spare, (sequences) => bytesOf.get(sequences) ?? 0);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function bodyOf(error: unknown) {
  if (error instanceof PatchbayError) return error.toBody();
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return new PatchbayError("internal", `The model could not answer: ${messageOf(error)}`).toBody();
}

let worker: Worker | null = null;
let stateDir: string | null = null;

process.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "load":
      stateDir = message.options.stateDir;
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
    case "plug":
      worker?.plug(message.id, message.adapter, message.systemPrompt);
      break;
    case "unplug":
      worker?.unplug(message.adapter);
      break;
    default:
      message satisfies never;
  }
});

// A server that died cannot say goodbye: without it there is nobody to answer for, and nobody else to tidy up. Signals
// belong to the server, which lets running answers end first.
process.on("disconnect", () => {
  if (stateDir !== null) fs.rmSync(stateDir, { recursive: true, force: true });
  process.exit(0);
});
process.on("SIGINT", () => undefined);
process.on("SIGTERM", () => undefined);
