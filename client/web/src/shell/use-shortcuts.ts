import { useEffect } from "react";

export interface Shortcuts {
  newConversation(): void;
  focusComposer(): void;
  help(): void;
}

/** What the help dialog lists; the handlers are below. */
export const shortcutList = [
  { keys: ["Enter"], does: "Send the message" },
  { keys: ["Shift", "Enter"], does: "Start a new line" },
  { keys: ["/"], does: "Go to the message field" },
  { keys: ["Ctrl or ⌘", "Shift", "O"], does: "New conversation" },
  { keys: ["↑", "↓"], does: "Move through the conversation list" },
  { keys: ["F2"], does: "Rename the focused conversation" },
  { keys: ["Esc"], does: "Close what is open" },
  { keys: ["?"], does: "Show this list" },
] as const;

export function useShortcuts({ newConversation, focusComposer, help }: Shortcuts): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (document.querySelector("dialog[open]")) return;
      const action = actionOf(event);
      if (!action) return;
      event.preventDefault();
      ({ newConversation, focusComposer, help })[action]();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [newConversation, focusComposer, help]);
}

function actionOf(event: KeyboardEvent): keyof Shortcuts | null {
  if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.code === "KeyO") return "newConversation";
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return null;
  if (event.key === "/") return "focusComposer";
  return event.key === "?" ? "help" : null;
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest("input, textarea, select") !== null;
