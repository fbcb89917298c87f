import { PatchbayError } from "../../protocol/index.ts";
import type { ChatMessage } from "../engine.ts";

/** Room that an answer always has, in tokens, whatever the prompt's length. */
export const MIN_ANSWER_TOKENS = 64;

export interface Fitted<Token> {
  tokens: Token[];
  /** Oldest user turns left out, with what followed each of them up to the next user turn. */
  droppedTurns: number;
  /** Tokens that the answer may have. */
  answerLimit: number;
}

/**
 * Leaves out the oldest turns until prompt and answer fit into the context together. The system prompt and the newest
 * turn always stay; an answer wants `maxTokens` but is content with less before a turn has to leave.
 * @throws {PatchbayError} `prompt-too-long` where even the newest turn alone does not fit.
 */
export function fitToContext<Token>(
  messages: ChatMessage[],
  encode: (messages: ChatMessage[]) => Token[],
  { contextSize, maxTokens }: { contextSize: number; maxTokens: number },
): Fitted<Token> {
  const system = messages.filter((message) => message.role === "system");
  const turns = splitTurns(messages.filter((message) => message.role !== "system"));
  const reserve = Math.min(maxTokens, Math.max(MIN_ANSWER_TOKENS, Math.floor(contextSize / 4)));
  const without = (dropped: number): Fitted<Token> | null => {
    const tokens = encode([...system, ...turns.slice(dropped).flat()]);
    const room = contextSize - tokens.length;
    const newestOnly = dropped === turns.length - 1;
    const fits = room >= reserve || (newestOnly && room >= Math.min(maxTokens, MIN_ANSWER_TOKENS));
    return fits ? { tokens, droppedTurns: dropped, answerLimit: Math.min(maxTokens, room) } : null;
  };
  const whole = without(0);
  if (whole) return whole;
  // Bisected: a caller may send thousands of turns, and each look encodes all that are left of them.
  let best = without(turns.length - 1);
  let tooFew = 0;
  while (best && best.droppedTurns - tooFew > 1) {
    const middle = Math.floor((tooFew + best.droppedTurns) / 2);
    const fitted = without(middle);
    if (fitted) best = fitted;
    else tooFew = middle;
  }
  if (best) return best;
  throw new PatchbayError("prompt-too-long", "This message is too long for the model to read at once.", {
    hint: `Shorten it: the model reads about ${Math.floor((contextSize - MIN_ANSWER_TOKENS) * 0.7)} words.`,
    details: { contextSize },
  });
}

/** A turn begins with each user message. */
function splitTurns(messages: ChatMessage[]): ChatMessage[][] {
  const turns: ChatMessage[][] = [];
  for (const message of messages) {
    const current = turns.at(-1);
    if (message.role === "user" || !current) turns.push([message]);
    else current.push(message);
  }
  return turns;
}
