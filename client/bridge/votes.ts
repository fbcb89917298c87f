import { OpenConversation } from "../sdk/index.ts";
import type { People } from "./people.ts";
import type { BridgeStore, Turn } from "./store.ts";

/** A judgement on a message in the chat service. */
export interface ChatVote {
  place: string;
  post: string;
  author: string;
  value: 1 | -1;
  /** Given, or a thumb of that direction taken back. */
  act: "give" | "take-back";
  /** Orders one person's votes, in whatever order they are delivered. */
  at: string;
  comment?: string;
}

export type VoteResult = "saved" | "outdated" | "no-answer" | "not-asked-by-you";

/** Saves a vote under the name of the person who asked. @throws {PatchbayError} why the server refused it */
export async function vote(
  deps: { store: BridgeStore; people: People },
  given: ChatVote,
): Promise<VoteResult> {
  const { store, people } = deps;
  const turn = store.ofPost(given.place, given.post);
  if (!turn?.conversationId || !turn.answerId) return "no-answer";
  if (turn.author !== given.author) return "not-asked-by-you";
  if (turn.votedAt !== null && turn.votedAt >= given.at) return "outdated";
  store.record(turn, { votedAt: given.at });
  const { conversationId, answerId } = turn as Turn & { conversationId: string; answerId: string };
  await people.as(given.author, async (client) => {
    const open = new OpenConversation(client, conversationId);
    try {
      await open.load();
      // A thumb may come while the answer is being written.
      const answer = await open.when(answerId, ({ status }) => status !== "streaming");
      if (given.act === "give")
        await open.vote(answerId, { value: given.value, comment: given.comment ?? "" });
      else if (answer.vote?.value === given.value) await open.retractVote(answerId);
    } finally {
      open.close();
    }
  });
  return "saved";
}
