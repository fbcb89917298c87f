import { createContext, useContext } from "react";
import type { Health, PatchbayClient } from "../../../sdk/index.ts";
import { Experts } from "./experts.ts";
import type { Connection } from "./use-connection.ts";

export interface Patchbay {
  client: PatchbayClient;
  connection: Connection;
  health: Health | null;
  /** Null until the server has told. */
  experts: Experts | null;
}

const Context = createContext<Patchbay | null>(null);
export const PatchbayProvider = Context.Provider;

export function usePatchbay(): Patchbay {
  const patchbay = useContext(Context);
  if (!patchbay) throw new Error("usePatchbay outside PatchbayProvider");
  return patchbay;
}

const nobody = new Experts([]);
export const useKnownExperts = (): Experts => usePatchbay().experts ?? nobody;
