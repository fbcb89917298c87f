import { z } from "zod";
import { PatchbayError } from "../../protocol/index.ts";
import type { ChatMessage } from "../engine.ts";

/** Share of the context that a prompt may fill, so that the answer has room too. */
const PROMPT_SHARE = 0.75;
/** Of the text, where the server does not say how much too long it was. */
const BLIND_SHARE = 0.7;

const Sizes = z.object({ promptTokens: z.number().positive(), contextSize: z.number().positive() });

/**
 * Asks with fewer and fewer of the oldest turns for as long as the server says that the prompt is too long: it alone can
 * count its tokens. The system prompt and the newest turn always stay.
 * @throws {PatchbayError} `prompt-too-long` where even the newest turn alone is
 */
export async function leavingOutTurns<T>(
  messages: ChatMessage[],
  ask: (messages: ChatMessage[], droppedTurns: number) => Promise<T>,
): Promise<T> {
  let dropped = 0;
  for (;;) {
    try {
      return await ask(withoutOldestTurns(messages, dropped), dropped);
    } catch (error) {
      if (!(error instanceof PatchbayError && error.code === "prompt-too-long")) throw error;
      const next = turnsToDrop(messages, dropped, error.details);
      if (next === null) throw error;
      dropped = next;
    }
  }
}

/** How many of the oldest user turns leave next, with what followed them; null where only the newest is left. */
export function turnsToDrop(messages: ChatMessage[], dropped: number, details: unknown): number | null {
  const turns = messages.filter(({ role }) => role === "user").length;
  const sizes = Sizes.safeParse(details);
  const share = sizes.success
    ? (sizes.data.contextSize * PROMPT_SHARE) / sizes.data.promptTokens
    : BLIND_SHARE;
  const wanted = share * lengthOf(withoutOldestTurns(messages, dropped));
  for (let next = dropped + 1; next < turns; next++)
    if (next === turns - 1 || lengthOf(withoutOldestTurns(messages, next)) <= wanted) return next;
  return null;
}

/** Without the oldest user turns and what followed each of them. */
export function withoutOldestTurns(messages: ChatMessage[], dropped: number): ChatMessage[] {
  if (dropped === 0) return messages;
  let users = 0;
  return messages.filter(({ role }) => {
    if (role === "user") users++;
    return role === "system" || users > dropped;
  });
}

const lengthOf = (messages: ChatMessage[]): number =>
  messages.reduce((length, { content }) => length + content.length, 0);
