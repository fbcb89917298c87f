export { type Log, openLog } from "./log.ts";
export type { ServerState } from "./metrics/state-metrics.ts";
export { Observe, type ObserveOptions } from "./observe.ts";
