import type { Answer, Question } from "../protocol/index.ts";
import type { ChatDeps } from "./deps.ts";

/** An answer that is about to be written. */
export const newAnswer = ({ newId, now }: Pick<ChatDeps, "newId" | "now">, question: Question): Answer => ({
  id: newId(),
  conversationId: question.conversationId,
  parentId: question.id,
  role: "assistant",
  text: "",
  createdAt: now(),
  generationId: newId(),
  status: "streaming",
  expert: null,
  decision: null,
  ahead: null,
  droppedTurns: 0,
  timings: null,
  tokens: null,
  cost: null,
  error: null,
  vote: null,
});
