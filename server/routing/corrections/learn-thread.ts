import { parentPort, workerData } from "node:worker_threads";
import { PatchbayError } from "../../protocol/index.ts";
import { type LearnOptions, learn } from "./learn.ts";
import type { FromLearnThread } from "./learn-beside.ts";

/* A thread that learns once and ends; see learn-beside.ts. What it throws besides is told to the parent by Node. */

const send = (message: FromLearnThread): void => parentPort?.postMessage(message);

try {
  send({ lesson: await learn(workerData as LearnOptions) });
} catch (error) {
  if (!(error instanceof PatchbayError)) throw error;
  send({ error: error.toBody() });
}
