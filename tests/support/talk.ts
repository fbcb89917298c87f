import { randomUUID } from "node:crypto";
import { type Answer, OpenConversation, type PatchbayClient } from "../../client/sdk/index.ts";
import { followAnswer } from "../../client/terminal/index.ts";

/** A new conversation, open. */
export async function converse(client: PatchbayClient): Promise<OpenConversation> {
  const { conversation } = await client.call("conversation:create", {});
  const open = new OpenConversation(client, conversation.id);
  await open.load();
  return open;
}

/** Asks and waits for the whole answer. */
export async function ask(open: OpenConversation, text: string, adapter?: string): Promise<Answer> {
  const started = await open.send(text, { clientId: randomUUID(), ...(adapter && { adapter }) });
  return followAnswer(open, started.id, () => undefined);
}

/** Asks and returns as soon as the answer has some text; it goes on being written. */
export async function askAndSeeStart(
  open: OpenConversation,
  text: string,
  adapter?: string,
): Promise<Answer> {
  const started = await open.send(text, { clientId: randomUUID(), ...(adapter && { adapter }) });
  return until(open, started.id, (answer) => answer.text.length > 0);
}

export function until(
  open: OpenConversation,
  answerId: string,
  reached: (answer: Answer) => boolean,
): Promise<Answer> {
  return new Promise((resolve) => {
    const look = () => {
      const answer = open.snapshot()?.messages.get(answerId);
      if (answer?.role !== "assistant" || !reached(answer)) return;
      stop();
      resolve(answer);
    };
    const stop = open.subscribe(look);
    look();
  });
}

/** A question whose answer is long enough to be interrupted. */
export const LONG_QUESTION =
  "Please write a very long and detailed story about a lighthouse keeper, with many chapters.";
