import { parentPort, workerData } from "node:worker_threads";
import { PatchbayError } from "../protocol/index.ts";
import { type LoadOptions, loadHead } from "./load.ts";
import type { FromHeadThread } from "./load-beside.ts";

/* A thread that makes one head and ends; see load-beside.ts. What it throws besides is told to the parent by Node. */

const send = (message: FromHeadThread, moved: ArrayBuffer[] = []): void =>
  parentPort?.postMessage(message, moved);

try {
  const head = await loadHead(workerData as LoadOptions);
  send({ head }, [head.ngrams.weights.buffer as ArrayBuffer]);
} catch (error) {
  if (!(error instanceof PatchbayError)) throw error;
  send({ error: error.toBody() });
}
