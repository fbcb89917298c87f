export type { Encoder } from "./embedder/bulk.ts";
export { embedEach } from "./embedder/embed-each.ts";
export {
  type Embedder,
  type EmbedderOptions,
  EmbedderProcess,
  type EmbedderState,
} from "./embedder/embedder.ts";
export { wordsKnownTo } from "./embedder/known-words.ts";
export { evaluate, type RouterReport } from "./evaluate.ts";
export {
  type Dialogue,
  type RoutingRow,
  readAdapterExamples,
  readExamples,
  readHeldOut,
  readRoutingRows,
  toExamples,
} from "./examples.ts";
export { type Head, restrictHead } from "./head.ts";
export { parseHead, serializeHead } from "./head-file.ts";
export { embeddingsOf, type LoadHead, type LoadOptions, loadHead, loadRouter } from "./load.ts";
export { loadHeadBeside } from "./load-beside.ts";
export { decide, type RouteRequest } from "./policy.ts";
export { createRouter, type Router } from "./router.ts";
export { headVersion, type TrainHeadOptions, trainHead } from "./train.ts";
export type { Embeddings, Example } from "./turn.ts";
export { mistype } from "./typos.ts";
