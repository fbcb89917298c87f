import { Counter, Gauge, type Registry } from "prom-client";
import type { EngineHealth } from "../../protocol/index.ts";

/** How the server stands at one moment. */
export interface ServerState {
  isReady: boolean;
  sockets: number;
  /** The model on this machine and engines elsewhere, with their answers. */
  engines: { name: string; running: number; waiting: number }[];
  /** null while it is loaded. */
  local: EngineHealth | null;
  /** `retries` since the start. */
  remotes: { name: string; isAvailable: boolean; retries: number }[];
}

const BYTES_PER_MIB = 1024 ** 2;

/** What is looked up when somebody asks. */
export class StateMetrics {
  readonly #ready;
  readonly #sockets;
  readonly #running;
  readonly #waiting;
  readonly #local;
  readonly #available;
  readonly #retries;

  constructor(register: Registry) {
    const registers = [register];
    const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
      new Gauge({ name, help, labelNames, registers });

    this.#ready = gauge("patchbay_ready", "1 once a turn can be answered");
    this.#sockets = gauge("patchbay_sockets_connected", "Sockets that are connected");
    this.#running = gauge("patchbay_queue_running", "Answers that are being written", "engine");
    this.#waiting = gauge("patchbay_queue_waiting", "Answers that wait for an engine", "engine");
    this.#local = {
      contexts: gauge("patchbay_engine_contexts", "Adapters that are ready, the base model counting as one"),
      maxContexts: gauge("patchbay_engine_contexts_max", "Adapters that can be ready at once"),
      sequences: gauge("patchbay_engine_sequences", "Conversations whose state the contexts can hold"),
      sequencesInUse: gauge("patchbay_engine_sequences_in_use", "Those of them that are being answered"),
      threads: gauge("patchbay_engine_threads", "Decode threads in use"),
      contextMiB: gauge("patchbay_engine_context_bytes", "Memory that contexts and adapters take"),
      budgetMiB: gauge("patchbay_engine_context_bytes_max", "Memory that they may take"),
    };
    this.#available = gauge(
      "patchbay_remote_available",
      "1 while an engine elsewhere is asked, 0 while it is left alone because it keeps failing",
      "engine",
    );
    this.#retries = new Counter({
      name: "patchbay_remote_retries_total",
      help: "Further attempts at engines elsewhere, before the first token",
      labelNames: ["engine"],
      registers,
    });
  }

  show({ isReady, sockets, engines, local, remotes }: ServerState): void {
    this.#ready.set(isReady ? 1 : 0);
    this.#sockets.set(sockets);
    for (const { name: engine, running, waiting } of engines) {
      this.#running.set({ engine }, running);
      this.#waiting.set({ engine }, waiting);
    }
    if (local) this.#showLocal(local);
    // It is counted elsewhere; a counter can only be taken further.
    this.#retries.reset();
    for (const { name: engine, isAvailable, retries } of remotes) {
      this.#available.set({ engine }, isAvailable ? 1 : 0);
      this.#retries.inc({ engine }, retries);
    }
  }

  #showLocal(health: EngineHealth): void {
    const { contextMiB, budgetMiB, ...counts } = this.#local;
    contextMiB.set(health.contextMiB * BYTES_PER_MIB);
    budgetMiB.set(health.budgetMiB * BYTES_PER_MIB);
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) counts[name].set(health[name]);
  }
}
