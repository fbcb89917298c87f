import { Pencil, Trash2 } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, useRef, useState } from "react";
import type { Conversation } from "../../../sdk/index.ts";
import { IconButton } from "../controls/IconButton.tsx";
import { navigate, pathOf } from "../shell/use-location.ts";
import { RenameField } from "./RenameField.tsx";

interface Props {
  conversation: Conversation;
  open: boolean;
  onDelete(): void;
}

export function ConversationItem({ conversation, open, onDelete }: Props) {
  const [renaming, setRenaming] = useState(false);
  const link = useRef<HTMLAnchorElement>(null);
  const onRenamed = (byKeyboard: boolean) => {
    setRenaming(false);
    // The link takes the field's place, and then the focus.
    if (byKeyboard) requestAnimationFrame(() => link.current?.focus());
  };
  if (renaming)
    return (
      <li className="conversation-item">
        <RenameField conversation={conversation} onDone={onRenamed} />
      </li>
    );

  const follow = (event: MouseEvent) => {
    // New tab and new window stay the browser's own.
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    navigate(pathOf(conversation.id));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key === "F2") setRenaming(true);
    else moveFocus(event);
  };
  return (
    <li className="conversation-item" data-open={open}>
      <a
        ref={link}
        href={pathOf(conversation.id)}
        onClick={follow}
        onKeyDown={onKeyDown}
        aria-current={open ? "page" : undefined}
        title={conversation.title}
        data-testid="conversation-item"
      >
        {conversation.title}
      </a>
      <span className="conversation-tools">
        <IconButton
          icon={Pencil}
          label={`Rename “${conversation.title}”`}
          onClick={() => setRenaming(true)}
        />
        <IconButton icon={Trash2} label={`Delete “${conversation.title}”`} onClick={onDelete} />
      </span>
    </li>
  );
}

/** Arrow keys walk the links, as in any list. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const links = [...document.querySelectorAll<HTMLElement>(".conversation-item > a")];
  links[links.indexOf(event.currentTarget) + step]?.focus();
}
