import type { EngineHealth, ErrorBody } from "../../protocol/index.ts";
import type { GenerateRequest, GenerationEvent } from "../engine.ts";

export interface WorkerOptions {
  modelPath: string;
  gpu: "auto" | "off";
  /** null: as many as there are cores. */
  threads: number | null;
  /** Tokens a conversation can hold, prompt and answer together. */
  contextSize: number;
  /** Conversations that one adapter can answer at once. */
  sequences: number;
  /** Adapters (the base model counts as one) kept ready at once; the least recently used gives way. */
  maxContexts: number;
}

/** Server → model process. */
export type ToWorker =
  | { type: "load"; options: WorkerOptions }
  | { type: "generate"; id: number; request: GenerateRequest }
  | { type: "cancel"; id: number };

/** Model process → server. */
export type FromWorker =
  | { type: "loading"; progress: number }
  | { type: "loaded"; health: EngineHealth; gpu: boolean }
  | { type: "load-failed"; error: ErrorBody }
  | { type: "event"; id: number; event: GenerationEvent }
  | { type: "failed"; id: number; error: ErrorBody }
  | { type: "health"; health: EngineHealth };
