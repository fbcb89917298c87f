import type { ErrorBody } from "./errors.ts";
import type { AdapterSummary } from "./resources.ts";

export interface EngineHealth {
  /** `cpu`, or the name of the GPU. */
  device: string;
  /** Decode threads in use; on a CPU fewer than `maxThreads` while other programs are busy. */
  threads: number;
  maxThreads: number;
  /** Native jobs that can run side by side: 1 on a CPU, one for each context on a GPU. */
  threadPool: number;
  /** Layers of the model on the GPU. */
  gpuLayers: number;
  /**
   * Adapters (the base model counts as one) that are ready now, and the most whose contexts fit into the memory given to
   * them.
   */
  contexts: number;
  maxContexts: number;
  /** Conversations whose state the contexts can hold, and those being answered. */
  sequences: number;
  sequencesInUse: number;
  /** Tokens of one sequence, and of one batch. */
  contextSize: number;
  batchSize: number;
  /** Memory that the contexts take, and the most that they may. */
  contextMiB: number;
  budgetMiB: number;
}

export interface RouterHealth {
  /** Of the classifier's head: a hash of what it has learnt, and how. */
  version: string;
  /** Its number among the heads that this server has made, such as `router@3`. */
  name: string;
  /** Whether it hears what texts mean, or goes by their words alone. */
  hears: "words" | "meaning";
  /** The process that embeds texts; `off` by setting, `unavailable` where its model could not be had. */
  embedder: "off" | "fetching" | "unavailable" | "loading" | "ready" | "restarting" | "failed";
}

/** Body of `GET /health`: 503 while starting, 200 once a turn can be answered. */
export type Health =
  | {
      status: "starting";
      step: string;
      /** Share done of the step, 0 to 1, or null where it is not known. */
      progress: number | null;
      /** Why it will not become ready by itself. */
      error?: ErrorBody;
    }
  | {
      status: "ready";
      model: { name: string; sha256: string };
      engine: EngineHealth;
      /** Engines elsewhere; one that keeps failing is left alone for a while and not `available`. */
      remotes: { name: string; available: boolean; running: number }[];
      adapters: (Pick<AdapterSummary, "id" | "title" | "version" | "train"> & { sha256: string | null })[];
      /** Adapter folders that were found and left out, with the reason. */
      rejected: { id: string; code: string; message: string }[];
      router: RouterHealth;
      queue: { running: number; waiting: number };
    };
