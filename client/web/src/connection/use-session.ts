import { useEffect, useState } from "react";
import { PatchbayClient, PatchbayError } from "../../../sdk/index.ts";
import { openSession } from "./api.ts";

const RETRY_MS = 2_000;

export type Session =
  | { phase: "opening" }
  | { phase: "unreachable"; error: PatchbayError }
  | { phase: "signed-out" }
  | { phase: "open"; client: PatchbayClient };

/** Makes sure that the cookie exists, then connects: the socket's handshake cannot set one. */
export function useSession(): { session: Session; signIn(key: string): Promise<void> } {
  const [session, setSession] = useState<Session>({ phase: "opening" });

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let left = false;
    const attempt = async () => {
      const next = await openSession().then<Session, Session>(
        () => ({ phase: "open", client: new PatchbayClient("") }),
        failed,
      );
      if (left) return closeClient(next);
      setSession(next);
      if (next.phase === "unreachable") timer = setTimeout(attempt, RETRY_MS);
    };
    void attempt();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, []);

  useEffect(() => () => closeClient(session), [session]);

  const signIn = async (key: string) => {
    await openSession({ key });
    if (session.phase === "open") session.client.reconnect();
    else setSession({ phase: "open", client: new PatchbayClient("") });
  };

  return { session, signIn };
}

function failed(error: unknown): Session {
  if (error instanceof PatchbayError && error.code === "not-signed-in") return { phase: "signed-out" };
  return {
    phase: "unreachable",
    error:
      error instanceof PatchbayError ? error : new PatchbayError("internal", "The page could not start."),
  };
}

function closeClient(session: Session): void {
  if (session.phase === "open") session.client.close();
}
