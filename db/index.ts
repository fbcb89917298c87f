export * from "./conversations.ts";
export * from "./generations.ts";
export * from "./messages.ts";
export { type Database, inTransaction, isFull, type OpenOptions, openDatabase } from "./open.ts";
export * from "./people.ts";
export * from "./route-corrections.ts";
export * from "./router-heads.ts";
export type { Schema } from "./schema.ts";
export * from "./votes.ts";
