import { CircleQuestionMark, Plus, X } from "lucide-react";
import { IconButton } from "../controls/IconButton.tsx";
import { ConversationList } from "../conversations/ConversationList.tsx";
import { ThemeToggle } from "./ThemeToggle.tsx";
import { Wordmark } from "./Wordmark.tsx";

interface Props {
  onNew(): void;
  onHelp(): void;
  /** Given where the sidebar is a drawer. */
  onClose?: () => void;
}

export function Sidebar({ onNew, onHelp, onClose }: Props) {
  return (
    <nav className="sidebar" aria-label="Conversations">
      <div className="sidebar-top">
        <Wordmark />
        {onClose && <IconButton icon={X} label="Close the list" onClick={onClose} />}
      </div>
      <button
        type="button"
        className="button new-conversation"
        onClick={onNew}
        data-testid="new-conversation"
      >
        <Plus size={16} aria-hidden />
        New conversation
      </button>
      <ConversationList />
      <div className="sidebar-bottom">
        <ThemeToggle />
        <IconButton icon={CircleQuestionMark} label="Keyboard shortcuts" onClick={onHelp} />
      </div>
    </nav>
  );
}
