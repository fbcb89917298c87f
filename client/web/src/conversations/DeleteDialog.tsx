import type { FormEvent } from "react";
import type { Conversation } from "../../../sdk/index.ts";
import { usePatchbay } from "../connection/patchbay-context.ts";
import { Dialog } from "../controls/Dialog.tsx";
import { useAct } from "../controls/report.tsx";
import { useConversationList } from "./conversations-context.ts";

export function DeleteDialog({ conversation, onClose }: { conversation: Conversation; onClose(): void }) {
  const { client } = usePatchbay();
  const list = useConversationList();
  const act = useAct();

  const remove = (event: FormEvent) => {
    event.preventDefault();
    onClose();
    act(async () => {
      const { conversationId } = await client.call("conversation:delete", {
        conversationId: conversation.id,
      });
      list.deleted(conversationId);
    });
  };

  return (
    <Dialog title="Delete this conversation?" onClose={onClose} testId="delete-dialog">
      <p className="delete-text">
        “{conversation.title}” and every rating you gave in it will be deleted. This cannot be undone.
      </p>
      <form method="dialog" className="dialog-actions" onSubmit={remove}>
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
        <button type="submit" className="button button-danger" data-testid="delete-confirm">
          Delete
        </button>
      </form>
    </Dialog>
  );
}
