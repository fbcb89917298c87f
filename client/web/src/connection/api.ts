import { type Health, PatchbayError } from "../../../sdk/index.ts";

/** Opens a session (the user's cookie); with a key, signs in. @throws {PatchbayError} `not-signed-in`, `server-unreachable` … */
export async function openSession(credentials: { key?: string } = {}): Promise<void> {
  const response = await fetch("/api/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(credentials),
  }).catch((cause) => {
    throw new PatchbayError("server-unreachable", "The server does not answer.", { cause });
  });
  if (!response.ok) throw await refusalOf(response);
}

/** The server's state, or null where nothing readable answers (it is down, or a proxy speaks for it). */
export async function fetchHealth(signal: AbortSignal): Promise<Health | null> {
  try {
    const response = await fetch("/health", { signal, cache: "no-store" });
    return (await response.json()) as Health;
  } catch {
    return null;
  }
}

async function refusalOf(response: Response): Promise<PatchbayError> {
  try {
    const { error } = await response.json();
    return PatchbayError.fromBody(error);
  } catch {
    return new PatchbayError("internal", `The server answered with status ${response.status}.`);
  }
}
