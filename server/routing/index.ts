export {
  type Embedder,
  type EmbedderOptions,
  EmbedderProcess,
  type EmbedderState,
} from "./embedder/embedder.ts";
export { evaluate, type RouterReport } from "./evaluate.ts";
export {
  type Example,
  readAdapterExamples,
  readExamples,
  readHeldOut,
  readRoutingRows,
} from "./examples.ts";
export { type Head, parseHead, restrictHead, serializeHead } from "./head.ts";
export { type LoadHead, type LoadOptions, loadHead, loadRouter } from "./load.ts";
export { loadHeadBeside } from "./load-beside.ts";
export { createRouter, decide, type RouteRequest, type Router } from "./router.ts";
export { headVersion, type TrainHeadOptions, trainHead } from "./train.ts";
