import { usePatchbay } from "../connection/patchbay-context.ts";
import { useAct } from "../controls/report.tsx";
import { useConversationList } from "../conversations/conversations-context.ts";

/** Lets one expert answer every turn of a conversation; `auto` gives the choice back to the router. */
export function usePin(conversationId: string): (adapter: string) => void {
  const { client } = usePatchbay();
  const list = useConversationList();
  const act = useAct();
  return (adapter) =>
    act(async () => {
      const { conversation } = await client.call("conversation:pin", { conversationId, pinned: adapter });
      list.saved(conversation);
    });
}
