export { LOCAL } from "../engines-file.ts";
export { connectEngines } from "./connect-engines.ts";
export type {
  AdapterFile,
  AnswerFormat,
  ChatMessage,
  Engine,
  GenerateRequest,
  GenerationEvent,
  Remote,
  Sampling,
} from "./engine.ts";
export { type GrammarSchema, grammarSchema } from "./grammar-schema.ts";
export { LocalEngine, type LocalEngineOptions } from "./local/engine.ts";
export type { PromptEncoder } from "./local/prompt-encoder.ts";
export { type Scorer, type TokenScore, withScorer } from "./local/scorer.ts";
export { withPromptEncoder } from "./local/vocabulary.ts";
export { withoutOldestTurns } from "./remote/leave-out-turns.ts";
export type { RemoteEngine } from "./remote/remote-engine.ts";
