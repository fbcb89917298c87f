import type { EngineHealth, ErrorBody } from "../../protocol/index.ts";
import type { AdapterFile, GenerateRequest, GenerationEvent } from "../engine.ts";

export interface WorkerOptions {
  modelPath: string;
  /** Of the model file: cached state belongs to one base model and one adapter. */
  modelSha256: string;
  gpu: "auto" | "off";
  /** null: as many as there are cores, fewer while other programs are busy. */
  threads: number | null;
  /** Tokens a conversation can hold, prompt and answer together. */
  contextSize: number;
  /** Conversations that one adapter can answer at once; null: as many as fit well into the memory, 4 at most. */
  sequences: number | null;
  /** Memory for the adapters' contexts; null: a part of what there is. */
  memoryMiB: number | null;
  /** Requests that may wait for the model; one more is refused. */
  maxWaiting: number;
  /** How long one may wait, in ms. */
  maxWaitMs: number;
  /** A folder of this process's own for the state of warm prompts. */
  stateDir: string;
  /** UV_THREADPOOL_SIZE that the process was started with. */
  threadPool: number;
}

/** Server → model process. */
export type ToWorker =
  | { type: "load"; options: WorkerOptions }
  | { type: "generate"; id: number; request: GenerateRequest }
  | { type: "cancel"; id: number }
  | { type: "plug"; id: number; adapter: AdapterFile | null; systemPrompt: string }
  | { type: "unplug"; adapter: AdapterFile };

/** What became of something that the server asked for by this id. */
export type Outcome =
  | { id: number; event: GenerationEvent }
  | { id: number; error: ErrorBody }
  | { id: number; plugged: true };

/** Model process → server. Outcomes travel together: each message wakes the server, which costs a decode thread its core. */
export type FromWorker =
  | { type: "loading"; progress: number }
  | { type: "loaded"; health: EngineHealth; gpu: boolean }
  | { type: "load-failed"; error: ErrorBody }
  | { type: "outcomes"; outcomes: Outcome[]; health: EngineHealth };
