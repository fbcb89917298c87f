import type { EngineHealth } from "../protocol/index.ts";

/** What an engine without hardware of its own, or not yet at work, has to tell. */
export const emptyHealth: EngineHealth = {
  device: "none",
  threads: 0,
  maxThreads: 0,
  threadPool: 0,
  gpuLayers: 0,
  contexts: 0,
  maxContexts: 0,
  sequences: 0,
  sequencesInUse: 0,
  contextSize: 0,
  batchSize: 0,
  contextMiB: 0,
  budgetMiB: 0,
};
