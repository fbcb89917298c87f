const TRIES = 6;
const TIMEOUT_MS = 15_000;

/**
 * Posts through an incoming webhook, again where the service is busy or away.
 * @throws {Error} where it refuses or stays away
 */
export async function postIncoming(
  url: string,
  message: { text: string; channel?: string | undefined },
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((error: Error) => error);
    if (!(response instanceof Error) && response.ok) return;
    const problem = response instanceof Error ? response.message : `status ${response.status}`;
    const passing = response instanceof Error || response.status === 429 || response.status >= 500;
    if (!passing || attempt === TRIES)
      throw new Error(`the incoming webhook did not take a message: ${problem}`);
    const asked =
      response instanceof Error ? Number.NaN : Number(response.headers.get("retry-after") ?? Number.NaN);
    const waitMs = Number.isFinite(asked) ? asked * 1_000 : 500 * 2 ** attempt;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}
