import { useState } from "react";
import type { Conversation } from "../../../sdk/index.ts";
import { useConversationId } from "../shell/use-location.ts";
import { ConversationItem } from "./ConversationItem.tsx";
import { useConversationList } from "./conversations-context.ts";
import { DeleteDialog } from "./DeleteDialog.tsx";
import { periods } from "./periods.ts";
import "./conversations.css";

export function ConversationList() {
  const { all } = useConversationList();
  const openId = useConversationId();
  const [deleting, setDeleting] = useState<Conversation | null>(null);

  return (
    <div className="conversation-list">
      {all?.length === 0 && <p className="conversation-none">What you ask will be listed here.</p>}
      {periods(all ?? [], new Date()).map(({ title, conversations }) => (
        <section key={title} aria-label={title}>
          <h2>{title}</h2>
          <ul className="conversation-period">
            {conversations.map((conversation) => (
              <ConversationItem
                key={conversation.id}
                conversation={conversation}
                open={conversation.id === openId}
                onDelete={() => setDeleting(conversation)}
              />
            ))}
          </ul>
        </section>
      ))}
      {deleting && <DeleteDialog conversation={deleting} onClose={() => setDeleting(null)} />}
    </div>
  );
}
