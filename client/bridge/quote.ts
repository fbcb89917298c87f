import type { Message } from "../sdk/index.ts";

const QUOTE_CHARS = 1_200;

/**
 * What somebody asks in a thread that another person began: their own conversation starts there, so the exchange that
 * they read and answer to is quoted, as in a mail.
 */
export function quotingExchange(text: string, messages: readonly Message[], answerId: string): string {
  const answer = messages.find((message) => message.id === answerId);
  const question = messages.find((message) => message.id === answer?.parentId);
  if (!answer || !question) return text;
  const quoted = [question.text, answer.text].map(shortened).join("\n\n");
  return `${quoted.replace(/^/gm, "> ")}\n\n${text}`;
}

const shortened = (text: string): string =>
  text.length <= QUOTE_CHARS / 2 ? text : `${text.slice(0, QUOTE_CHARS / 2).trimEnd()}…`;
