export { toPatchbayError } from "./answer-turn.ts";
export { Conversations } from "./conversations.ts";
export type { ChatDeps } from "./deps.ts";
export { EventLog } from "./event-log.ts";
export { closeAllInterrupted } from "./interrupted.ts";
export { type Experts, Switchboard } from "./switchboard.ts";
export { Turns } from "./turns.ts";
