import type { Conversation, PatchbayClient } from "../sdk/index.ts";
import { type Hits, type Searchable, searchConversations } from "./search.ts";

/** Conversations that are read at once. */
const AT_ONCE = 8;

/** Those with something in them, newest first. */
export async function latestConversations(client: PatchbayClient): Promise<Conversation[]> {
  const { conversations } = await client.call("conversation:list", {});
  return conversations.filter(({ activeLeafId }) => activeLeafId !== null);
}

/** Reads all of this person's conversations: the server has no search of its own. */
export async function searchEarlier(client: PatchbayClient, query: string): Promise<Hits> {
  const conversations = await latestConversations(client);
  const read: Searchable[] = [];
  for (let from = 0; from < conversations.length; from += AT_ONCE)
    read.push(
      ...(await Promise.all(
        conversations
          .slice(from, from + AT_ONCE)
          .map(({ id }) => client.call("conversation:open", { conversationId: id })),
      )),
    );
  return searchConversations(query, read);
}
