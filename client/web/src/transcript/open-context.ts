import { createContext, useContext } from "react";
import type { OpenConversation } from "../../../sdk/index.ts";

const Context = createContext<OpenConversation | null>(null);
export const OpenProvider = Context.Provider;

/** The open conversation, for what acts on it: regenerate, rate, stop. */
export function useOpen(): OpenConversation {
  const open = useContext(Context);
  if (!open) throw new Error("useOpen outside OpenProvider");
  return open;
}
