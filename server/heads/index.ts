export { HeadStore } from "./head-store.ts";
export { Heads, type HeadsDeps, type Live } from "./heads.ts";
export { type HeadSummary, listHeads } from "./list-heads.ts";
export { rollBack } from "./rollback.ts";
export { Soon } from "./soon.ts";
