import { useEffect, useState } from "react";
import type { ConnectionStatus, Health, PatchbayClient } from "../../../sdk/index.ts";
import { fetchHealth } from "./api.ts";

const STARTING_MS = 1_000;
const DOWN_MS = 3_000;

/**
 * How the server is while there is no connection (it takes none before it is ready), and null while there is one.
 * Once it says that it is ready, the connection is tried at once.
 */
export function useHealth(client: PatchbayClient, status: ConnectionStatus): Health | null {
  const [health, setHealth] = useState<Health | null>(null);

  useEffect(() => {
    setHealth(null);
    if (status === "online") return;
    const left = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const poll = async () => {
      const next = await fetchHealth(left.signal);
      if (left.signal.aborted) return;
      setHealth(next);
      if (next?.status !== "ready") timer = setTimeout(poll, next ? STARTING_MS : DOWN_MS);
      else if (client.status === "offline") client.reconnect();
    };
    void poll();
    return () => {
      left.abort();
      clearTimeout(timer);
    };
  }, [client, status]);

  return health;
}
