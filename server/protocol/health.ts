import type { ErrorBody } from "./errors.ts";
import type { AdapterSummary } from "./resources.ts";

export interface EngineHealth {
  /** `cpu`, or the name of the GPU. */
  device: string;
  threads: number;
  contexts: number;
  sequences: number;
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
      adapters: (Pick<AdapterSummary, "id" | "title" | "version"> & { sha256: string })[];
      /** Adapter folders that were found and left out, with the reason. */
      rejected: { id: string; code: string; message: string }[];
      router: { version: string };
      queue: { running: number; waiting: number };
    };
