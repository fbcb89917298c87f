import { createContext, useContext } from "react";
import type { Conversations } from "./use-conversations.ts";

const Context = createContext<Conversations | null>(null);
export const ConversationsProvider = Context.Provider;

export function useConversationList(): Conversations {
  const list = useContext(Context);
  if (!list) throw new Error("useConversationList outside ConversationsProvider");
  return list;
}
