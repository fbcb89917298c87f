import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { type Answer, OpenConversation, type PatchbayClient } from "../../client/sdk/index.ts";

export const converse = OpenConversation.create;

/** Asks and waits for the whole answer. */
export async function ask(open: OpenConversation, text: string, adapter?: string): Promise<Answer> {
  const started = await open.send(text, { clientId: randomUUID(), ...(adapter && { adapter }) });
  return open.follow(started.id, () => undefined);
}

/** Asks and returns as soon as the answer has some text; it goes on being written. */
export async function askAndSeeStart(
  open: OpenConversation,
  text: string,
  adapter?: string,
): Promise<Answer> {
  const started = await open.send(text, { clientId: randomUUID(), ...(adapter && { adapter }) });
  return open.when(started.id, (answer) => answer.text.length > 0);
}

/** Asks in a conversation of its own for a short answer: who answers is what matters. */
export async function askShortly(client: PatchbayClient, text: string): Promise<Answer> {
  const open = await converse(client);
  const started = await open.send(text, { clientId: randomUUID() });
  const routed = await open.when(started.id, ({ decision }) => decision !== null);
  await open.stop(started.generationId);
  await open.follow(started.id, () => undefined);
  open.close();
  return routed;
}

/** The status of an answer that nobody stopped: its words are drawn, and some find no end within their limit. */
export const WHOLE = expect.stringMatching(/^(complete|cut-off)$/);

/**
 * A question whose answer is long enough to be interrupted, if the base model gives it: 320 tokens each time, while
 * the experts are done after some 90.
 */
export const LONG_QUESTION =
  "Please write a very long and detailed story about a lighthouse keeper, with many chapters.";
