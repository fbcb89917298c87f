import { useState } from "react";

/** What is written but not sent, per conversation, for as long as the tab lives. */
export function useDraft(conversationId: string | null): [string, (text: string) => void] {
  const key = `draft:${conversationId ?? "new"}`;
  const [draft, setDraft] = useState(() => ({ key, text: stored(key) }));
  const current = draft.key === key ? draft : { key, text: stored(key) };
  if (current !== draft) setDraft(current);

  const setText = (text: string) => {
    setDraft({ key, text });
    store(key, text);
  };
  return [current.text, setText];
}

function stored(key: string): string {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function store(key: string, text: string): void {
  try {
    if (text) sessionStorage.setItem(key, text);
    else sessionStorage.removeItem(key);
  } catch {
    // Storage can be full or forbidden; the draft then lives as long as the page.
  }
}
