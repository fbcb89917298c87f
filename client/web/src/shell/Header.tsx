import { Menu, SquarePen } from "lucide-react";
import type { Conversation } from "../../../sdk/index.ts";
import { PinnedExpert } from "../chip/PinnedExpert.tsx";
import { IconButton } from "../controls/IconButton.tsx";
import { Wordmark } from "./Wordmark.tsx";

interface Props {
  conversation: Conversation | null;
  onNew(): void;
  /** Given where the list is in a drawer. */
  onMenu?: () => void;
}

export function Header({ conversation, onNew, onMenu }: Props) {
  return (
    <header className="header">
      {onMenu && <IconButton icon={Menu} label="Conversations" onClick={onMenu} data-testid="menu" />}
      <Title conversation={conversation} />
      {conversation?.pinned && <PinnedExpert conversation={conversation} pinned={conversation.pinned} />}
      {onMenu && conversation && <IconButton icon={SquarePen} label="New conversation" onClick={onNew} />}
    </header>
  );
}

/** The first page has its own heading. */
function Title({ conversation }: Pick<Props, "conversation">) {
  if (conversation) return <h1 className="header-title">{conversation.title}</h1>;
  return (
    <span className="header-title">
      <Wordmark />
    </span>
  );
}
