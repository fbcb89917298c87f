import { useCallback, useEffect, useSyncExternalStore } from "react";
import type { ConnectionStatus, PatchbayClient, PatchbayError } from "../../../sdk/index.ts";

const RETRY_MS = 3_000;

export interface Connection {
  status: ConnectionStatus;
  /** Why the server refused this page, or null. */
  refusal: PatchbayError | null;
}

export function useConnection(client: PatchbayClient): Connection {
  const subscribe = useCallback((listener: () => void) => client.onStatus(listener), [client]);
  const status = useSyncExternalStore(subscribe, () => client.status);
  const refusal = useSyncExternalStore(subscribe, () => client.refusal);

  // socket.io tries again by itself after a lost connection, but not after a refusal.
  useEffect(() => {
    if (!refusal || refusal.code === "not-signed-in") return;
    const timer = setInterval(() => client.reconnect(), RETRY_MS);
    return () => clearInterval(timer);
  }, [client, refusal]);

  // A phone that comes back to its network should not wait for the next attempt.
  useEffect(() => {
    const hurry = () => client.status === "offline" && client.reconnect();
    window.addEventListener("online", hurry);
    return () => window.removeEventListener("online", hurry);
  }, [client]);

  return { status, refusal };
}
