import { useSyncExternalStore } from "react";

const moved = new EventTarget();

/** Goes to a path of this page without loading it again. */
export function navigate(path: string, how: "push" | "replace" = "push"): void {
  if (path === location.pathname) return;
  history[how === "push" ? "pushState" : "replaceState"](null, "", path);
  moved.dispatchEvent(new Event("move"));
}

export const pathOf = (conversationId: string): string => `/c/${conversationId}`;

/** The conversation that the address names, or null on the first page. */
export function useConversationId(): string | null {
  const path = useSyncExternalStore(subscribe, () => location.pathname);
  return /^\/c\/([0-9A-Z]{26})$/.exec(path)?.[1] ?? null;
}

function subscribe(listener: () => void): () => void {
  moved.addEventListener("move", listener);
  window.addEventListener("popstate", listener);
  return () => {
    moved.removeEventListener("move", listener);
    window.removeEventListener("popstate", listener);
  };
}
