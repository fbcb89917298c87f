import { useRef } from "react";
import { type OpenConversation, type PatchbayClient, PatchbayError, randomId } from "../../../sdk/index.ts";
import { usePatchbay } from "../connection/patchbay-context.ts";
import { useConversationList } from "../conversations/conversations-context.ts";
import { navigate, pathOf } from "../shell/use-location.ts";

interface Attempt {
  from: string | null;
  text: string;
  clientId: string;
  /** Made for this message, where it is a conversation's first. */
  created?: string;
}

/** Sends into the open conversation, or into a new one. The same text sent again after a failure becomes one message. */
export function useSend(
  conversationId: string | null,
  open: OpenConversation | null,
): (text: string) => Promise<void> {
  const { client } = usePatchbay();
  const list = useConversationList();
  const attempt = useRef<Attempt | null>(null);

  /** A conversation whose first message was refused would stay behind in the list, empty. */
  const discard = async ({ created }: Attempt) => {
    attempt.current = null;
    if (!created) return;
    const reply = await client.call("conversation:delete", { conversationId: created });
    list.deleted(reply.conversationId);
  };

  return async (text) => {
    const last = attempt.current;
    const same = last?.text === text && last.from === conversationId;
    const current: Attempt = same ? last : { from: conversationId, text, clientId: randomId() };
    attempt.current = current;

    if (open) await open.send(text, { clientId: current.clientId });
    else {
      const into = conversationId ?? current.created ?? (await create(client));
      if (!conversationId) current.created = into;
      const { conversation } = await client
        .call("message:send", { conversationId: into, text, clientId: current.clientId })
        .catch(async (error) => {
          if (isRefusal(error)) await discard(current);
          throw error;
        });
      list.saved(conversation);
      // Unless the reader has gone elsewhere in the meantime.
      if (location.pathname === "/") navigate(pathOf(into));
    }
    attempt.current = null;
  };
}

const create = async (client: PatchbayClient): Promise<string> =>
  (await client.call("conversation:create", {})).conversation.id;

/** Refused, the message was surely not taken; without an answer it may have been. */
const isRefusal = (error: unknown): boolean =>
  error instanceof PatchbayError && error.code !== "server-unreachable";
