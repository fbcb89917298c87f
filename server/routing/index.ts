export { evaluate, type RouterReport } from "./evaluate.ts";
export { type Example, readExamples, readHeldOut, readRoutingRows } from "./examples.ts";
export { type Head, parseHead, serializeHead } from "./head.ts";
export { type LoadOptions, loadHead, loadRouter } from "./load.ts";
export { createRouter, decide, type RouteRequest, type Router } from "./router.ts";
export { headVersion, type TrainHeadOptions, trainHead } from "./train.ts";
