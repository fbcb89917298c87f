export type {
  AdapterFile,
  AnswerFormat,
  ChatMessage,
  Engine,
  GenerateRequest,
  GenerationEvent,
  Sampling,
} from "./engine.ts";
export { type GrammarSchema, grammarSchema } from "./grammar-schema.ts";
export { LocalEngine, type LocalEngineOptions } from "./local/engine.ts";
export type { PromptEncoder } from "./local/prompt-encoder.ts";
export { type Scorer, type TokenScore, withScorer } from "./local/scorer.ts";
export { withPromptEncoder } from "./local/vocabulary.ts";
