import { Worker } from "node:worker_threads";
import { type ErrorBody, PatchbayError } from "../../protocol/index.ts";
import type { Learn, Lesson } from "./learn.ts";

/** What the thread says before it ends. */
export type FromLearnThread = { lesson: Lesson } | { error: ErrorBody };

/**
 * Learns in a thread of its own: reading examples, training and the gate take some seconds of processor time, in which
 * answers go on.
 * @param threadPath compiled `learn-thread.ts`
 * @param signal ends a thread that runs
 */
export const learnBeside =
  (threadPath: string, signal: AbortSignal): Learn =>
  (options) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const thread = new Worker(threadPath, { workerData: options, execArgv: [] });
      const stop = () => void thread.terminate();
      signal.addEventListener("abort", stop, { once: true });
      thread
        .on("message", (said: FromLearnThread) =>
          "lesson" in said ? resolve(said.lesson) : reject(PatchbayError.fromBody(said.error)),
        )
        .on("error", reject)
        .on("exit", () => {
          signal.removeEventListener("abort", stop);
          // Settles nothing where it has spoken.
          reject(signal.aborted ? signal.reason : new Error("the router's thread ended without a head"));
        });
    });
