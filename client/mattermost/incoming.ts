import { setTimeout as pause } from "node:timers/promises";

const TIMEOUT_MS = 30_000;

/** What an incoming webhook replied instead of taking a post. */
class WebhookError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the incoming webhook replied with status ${status}`);
    this.status = status;
  }
}

/** The status of a reply that the same post would get again; null where it may go well another time. */
export function webhookRefusal(error: unknown): string | null {
  if (!(error instanceof WebhookError)) return null;
  const mayPass = error.status >= 500 || error.status === 408 || error.status === 429;
  return mayPass ? null : `status ${error.status}`;
}

/**
 * Posts through an incoming webhook, once the service has had the pause that it asks for. Where this throws without a
 * reply, the service may have taken the post all the same.
 * @throws {Error} where it refuses or stays away
 */
export async function postIncoming(
  url: string,
  message: { text: string; channel?: string | undefined },
): Promise<void> {
  for (;;) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return;
    const waitS = response.status === 429 ? Number(response.headers.get("retry-after")) : 0;
    if (!(waitS > 0)) throw new WebhookError(response.status);
    await pause(waitS * 1_000, undefined, { ref: false });
  }
}
