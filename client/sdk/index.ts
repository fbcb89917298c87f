export * from "../../server/protocol/index.ts";
export { isAway } from "./away.ts";
export { type ClientOptions, type ConnectionStatus, PatchbayClient } from "./client.ts";
export { type AskOptions, OpenConversation } from "./open-conversation.ts";
export { isPromptAlone } from "./prompt-alone.ts";
export { randomId } from "./random-id.ts";
export { openSession } from "./session.ts";
export { activeBranch, applyTurnEvent, reduce, siblings, streaming, type Transcript } from "./transcript.ts";
export { waitingSentence } from "./waiting.ts";
