export { endingOf, expertLine } from "./answer-line.ts";
export { type Command, parseCommand, runCommand } from "./commands.ts";
export { Pace } from "./pace.ts";
export { type PatchbayAddress, People } from "./people.ts";
export { settingsReader } from "./settings.ts";
export { BridgeStore, type ChatQuestion, type ChatVote, type Turn } from "./store.ts";
export { type AnswerPost, type Shown, Turns } from "./turns.ts";
export { type VoteResult, Votes } from "./votes.ts";
