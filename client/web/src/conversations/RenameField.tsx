import { type KeyboardEvent, useEffect, useRef } from "react";
import { type Conversation, limits } from "../../../sdk/index.ts";
import { usePatchbay } from "../connection/patchbay-context.ts";
import { useAct } from "../controls/report.tsx";
import { useConversationList } from "./conversations-context.ts";

/** The title becomes a field where it stands: Enter or leaving it saves, Escape keeps the old one. */
export function RenameField({
  conversation,
  onDone,
}: {
  conversation: Conversation;
  onDone(byKeyboard: boolean): void;
}) {
  const { client } = usePatchbay();
  const list = useConversationList();
  const act = useAct();
  const field = useRef<HTMLInputElement>(null);
  const settled = useRef(false);

  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);

  const settle = (title: string, byKeyboard: boolean) => {
    // Enter closes the field, which blurs it: only the first of the two counts.
    if (settled.current) return;
    settled.current = true;
    onDone(byKeyboard);
    if (!title || title === conversation.title) return;
    act(async () => {
      const reply = await client.call("conversation:rename", { conversationId: conversation.id, title });
      list.saved(reply.conversation);
    });
  };

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") settle(event.currentTarget.value.trim(), true);
    if (event.key !== "Escape") return;
    // In the drawer, Escape would close that as well.
    event.preventDefault();
    settle("", true);
  };

  return (
    <input
      ref={field}
      type="text"
      className="conversation-rename"
      aria-label="Title of the conversation"
      defaultValue={conversation.title}
      maxLength={limits.titleChars}
      onKeyDown={onKeyDown}
      onBlur={(event) => settle(event.currentTarget.value.trim(), false)}
    />
  );
}
