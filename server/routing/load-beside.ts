import { Worker } from "node:worker_threads";
import { type ErrorBody, PatchbayError } from "../protocol/index.ts";
import type { Head } from "./head.ts";
import type { LoadHead, LoadOptions } from "./load.ts";

/** What the thread says before it ends. */
export type FromHeadThread = { head: Head } | { error: ErrorBody };

/**
 * Loads heads in a thread of its own: reading examples and training take some seconds of processor time, in which answers
 * go on.
 * @param threadPath compiled `head-thread.ts`
 * @param signal ends a thread that runs
 */
export const loadHeadBeside =
  (threadPath: string, signal: AbortSignal): LoadHead =>
  ({ adaptersDir, backgroundDir, cacheDir, adapterIds, encoder }) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const workerData: LoadOptions = { adaptersDir, backgroundDir, cacheDir, adapterIds, encoder };
      const thread = new Worker(threadPath, { workerData, execArgv: [] });
      const stop = () => void thread.terminate();
      signal.addEventListener("abort", stop, { once: true });
      thread
        .on("message", (said: FromHeadThread) =>
          "head" in said ? resolve(said.head) : reject(PatchbayError.fromBody(said.error)),
        )
        .on("error", reject)
        .on("exit", () => {
          signal.removeEventListener("abort", stop);
          // Settles nothing where it has spoken.
          reject(signal.aborted ? signal.reason : new Error("the router's thread ended without a head"));
        });
    });
