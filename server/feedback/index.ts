export { exportKto, type KtoRow, ktoRows } from "./export.ts";
export { RouteCorrections } from "./route-corrections.ts";
export { buildSnapshot, Snapshot } from "./snapshot.ts";
export { Votes } from "./votes.ts";
