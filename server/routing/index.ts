export type { StatedCorrection } from "./corrections/corrected-examples.ts";
export { correctedExamples, withCorrections } from "./corrections/corrected-examples.ts";
export {
  type GateFigures,
  type GateMaterial,
  type GateReport,
  judgeGate,
  type Measured,
  measure,
} from "./corrections/gate.ts";
export {
  type Candidate,
  type Learn,
  type LearnOptions,
  type Lesson,
  type LiveHead,
  learn,
} from "./corrections/learn.ts";
export { learnBeside } from "./corrections/learn-beside.ts";
export type { Encoder } from "./embedder/bulk.ts";
export { embedEach } from "./embedder/embed-each.ts";
export {
  type Embedder,
  type EmbedderOptions,
  EmbedderProcess,
  type EmbedderState,
} from "./embedder/embedder.ts";
export { evaluate, type RouterReport } from "./evaluate.ts";
export {
  type Dialogue,
  type RoutingRow,
  readAdapterExamples,
  readEasyCases,
  readExamples,
  readHeldOut,
  readRoutingRows,
  toExamples,
} from "./examples.ts";
export { type Head, restrictHead } from "./head.ts";
export { parseHead, readHeadFile, serializeHead } from "./head-file.ts";
export { embeddingsOf, type LoadOptions, learningAids, loadHead } from "./load.ts";
export { decide, type RouteRequest } from "./policy.ts";
export { createRouter, type Router } from "./router.ts";
export { headVersion, type TrainHeadOptions, trainHead } from "./train.ts";
export type { Embeddings, Example } from "./turn.ts";
export { mistype } from "./typos.ts";
