import { useEffect, useState } from "react";
import type { AdapterSummary, PatchbayClient } from "../../../sdk/index.ts";
import { Experts } from "./experts.ts";

/** Adapters are plugged in and removed while the server runs: it tells of changes, and is asked again at every connection. */
export function useExperts(client: PatchbayClient): Experts | null {
  const [experts, setExperts] = useState<Experts | null>(null);

  useEffect(() => {
    let left = false;
    const show = (adapters: readonly AdapterSummary[]) => left || setExperts(new Experts(adapters));
    const load = () => {
      if (client.status !== "online") return;
      // A failure is met again at the next connection; until then everybody is shown in grey.
      client.call("adapters", {}).then(
        ({ adapters }) => show(adapters),
        () => undefined,
      );
    };
    load();
    const unhook = [client.onStatus(load), client.onAdapters(show)];
    return () => {
      left = true;
      for (const off of unhook) off();
    };
  }, [client]);

  return experts;
}
