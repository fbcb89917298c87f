import { useEffect, useState, useSyncExternalStore } from "react";
import { OpenConversation, type PatchbayClient, PatchbayError, type Transcript } from "../../../sdk/index.ts";

export interface Opened {
  open: OpenConversation | null;
  /** Null until it is loaded, and on the first page. */
  transcript: Transcript | null;
  problem: PatchbayError | null;
}

const nothing = { subscribe: () => () => undefined, snapshot: () => null };

/** The conversation of the address, kept up to date until another one is opened. */
export function useOpenConversation(client: PatchbayClient, conversationId: string | null): Opened {
  const [open, setOpen] = useState<OpenConversation | null>(null);
  const [problem, setProblem] = useState<PatchbayError | null>(null);

  useEffect(() => {
    if (!conversationId) return;
    const opened = new OpenConversation(client, conversationId);
    const load = () =>
      opened.load().then(
        () => setProblem(null),
        (error) => setProblem(loadProblem(error)),
      );
    // Once it has been loaded, OpenConversation sees to itself at every connection.
    const off = client.onStatus((status) => status === "online" && !opened.snapshot() && void load());
    const stopWaking = onWake(() => void opened.refresh());
    setOpen(opened);
    setProblem(null);
    if (client.status === "online") void load();
    return () => {
      off();
      stopWaking();
      opened.close();
      setOpen(null);
    };
  }, [client, conversationId]);

  const { subscribe, snapshot } = open ?? nothing;
  const transcript = useSyncExternalStore(subscribe, snapshot);
  // Between two conversations the old one must not be shown under the new address.
  if (open?.id !== conversationId) return { open: null, transcript: null, problem: null };
  return { open, transcript, problem };
}

const loadProblem = (error: unknown): PatchbayError =>
  error instanceof PatchbayError
    ? error
    : new PatchbayError("internal", "The conversation could not be shown.", { cause: error });

/** A page that slept (another tab in front, a phone in a pocket) may have lost its connection without noticing. */
function onWake(wake: () => void): () => void {
  const visible = () => document.hidden || wake();
  document.addEventListener("visibilitychange", visible);
  window.addEventListener("pageshow", wake);
  window.addEventListener("online", wake);
  return () => {
    document.removeEventListener("visibilitychange", visible);
    window.removeEventListener("pageshow", wake);
    window.removeEventListener("online", wake);
  };
}
