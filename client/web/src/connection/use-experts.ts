import { useEffect, useState } from "react";
import type { PatchbayClient } from "../../../sdk/index.ts";
import { Experts } from "./experts.ts";

/** Adapters can be plugged in while the server runs, so they are asked for again at every connection and return. */
export function useExperts(client: PatchbayClient): Experts | null {
  const [experts, setExperts] = useState<Experts | null>(null);

  useEffect(() => {
    let left = false;
    const load = () => {
      if (client.status !== "online" || document.hidden) return;
      // A failure is met again at the next connection; until then everybody is shown in grey.
      client.call("adapters", {}).then(
        ({ adapters }) => left || setExperts(new Experts(adapters)),
        () => undefined,
      );
    };
    load();
    const off = client.onStatus(load);
    document.addEventListener("visibilitychange", load);
    return () => {
      left = true;
      off();
      document.removeEventListener("visibilitychange", load);
    };
  }, [client]);

  return experts;
}
