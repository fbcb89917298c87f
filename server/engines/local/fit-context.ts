import { PatchbayError } from "../../protocol/index.ts";
import type { ChatMessage } from "../engine.ts";

/** Room that an answer always has, in tokens, whatever the prompt's length. */
export const MIN_ANSWER_TOKENS = 64;

/** Characters; few texts have so many in each of their tokens. */
const LONG_TOKEN = 16;

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
  const keeping = (count: number): Fitted<Token> | null => {
    const tokens = encode([...system, ...turns.slice(turns.length - count).flat()]);
    const room = contextSize - tokens.length;
    const fits = room >= reserve || (count === 1 && room >= Math.min(maxTokens, MIN_ANSWER_TOKENS));
    const droppedTurns = turns.length - count;
    return fits ? { tokens, droppedTurns, answerLimit: Math.min(maxTokens, room) } : null;
  };
  let best: Fitted<Token> | null = null;
  let [kept, tooMany] = [0, turns.length + 1];
  // A caller may send far more than fits, and encoding takes time: then it begins with the newest turn and doubles.
  let next = charsOf(messages) > contextSize * LONG_TOKEN ? 1 : turns.length;
  while (tooMany - kept > 1) {
    const fitted = keeping(next);
    if (fitted) [best, kept] = [fitted, next];
    else tooMany = next;
    next = tooMany > turns.length ? Math.min(2 * kept, turns.length) : Math.floor((kept + tooMany) / 2);
  }
  if (best) return best;
  throw new PatchbayError("prompt-too-long", "This message is too long for the model to read at once.", {
    hint: `Shorten it: the model reads about ${Math.floor((contextSize - MIN_ANSWER_TOKENS) * 0.7)} words.`,
    details: { contextSize },
  });
}

const charsOf = (messages: ChatMessage[]): number =>
  messages.reduce((sum, { content }) => sum + content.length, 0);

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
