import { useCallback, useEffect, useMemo, useState } from "react";
import type { Conversation, ConversationChange, PatchbayClient } from "../../../sdk/index.ts";

type ById = ReadonlyMap<string, Conversation>;

export interface Conversations {
  /** Newest activity first; null until the server has told. */
  all: Conversation[] | null;
  find(id: string | null): Conversation | null;
  /** Takes in what this tab has just changed itself. */
  saved(conversation: Conversation): void;
  deleted(conversationId: string): void;
}

/** The list, followed live: other tabs, the terminal and bridges write into the same account. */
export function useConversations(
  client: PatchbayClient,
  onDeleted: (conversationId: string) => void,
): Conversations {
  const [byId, setById] = useState<ById | null>(null);

  const apply = useCallback(
    (change: ConversationChange) => {
      if (change.type === "vote" || change.type === "route") return;
      setById((before) => before && applyChange(before, change));
      if (change.type === "deleted") onDeleted(change.conversationId);
    },
    [onDeleted],
  );

  useEffect(() => {
    const load = async () => {
      if (client.status !== "online") return;
      const { conversations } = await client.call("conversation:list", {});
      setById(new Map(conversations.map((conversation) => [conversation.id, conversation])));
    };
    // A failed load is repeated at the next connection.
    const attempt = () => void load().catch(() => undefined);
    attempt();
    const unhook = [client.onStatus(attempt), client.onChange(apply)];
    return () => {
      for (const off of unhook) off();
    };
  }, [client, apply]);

  return useMemo(
    () => ({
      all: byId && [...byId.values()].sort(newestFirst),
      find: (id) => (id && byId?.get(id)) || null,
      saved: (conversation) => apply({ type: "saved", conversation }),
      deleted: (conversationId) => apply({ type: "deleted", conversationId }),
    }),
    [byId, apply],
  );
}

function applyChange(before: ById, change: Exclude<ConversationChange, { type: "vote" | "route" }>): ById {
  const after = new Map(before);
  if (change.type === "deleted") after.delete(change.conversationId);
  else after.set(change.conversation.id, change.conversation);
  return after;
}

const newestFirst = (a: Conversation, b: Conversation): number => b.updatedAt.localeCompare(a.updatedAt);
