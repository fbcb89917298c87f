import { setTimeout as sleep } from "node:timers/promises";
import { RemoteFailure } from "./upstream.ts";

/** First pause at most this long; each further one twice that. */
const BASE_MS = 250;
const MAX_MS = 4_000;
/** A server that asks for a longer pause is not waited for: another engine may be free. */
const MAX_RETRY_AFTER_MS = 10_000;

/**
 * How long to wait before a further attempt, in ms; null: not worth it. Where the server says when to come back, then and a
 * little later, so that not all come at once; otherwise "full jitter":
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * @param attempt attempts made so far, from 1
 * @param random from 0 to 1
 * @param failFast another engine is free, so nobody waits because this server asks to
 */
export function pauseBefore(
  failure: RemoteFailure,
  attempt: number,
  random: number,
  failFast = false,
): number | null {
  if (!failure.isPassing) return null;
  const { retryAfterMs } = failure;
  if (retryAfterMs !== null)
    return failFast || retryAfterMs > MAX_RETRY_AFTER_MS ? null : retryAfterMs + random * BASE_MS;
  return random * Math.min(MAX_MS, BASE_MS * 2 ** (attempt - 1));
}

/** Tries again what has not yet given anybody anything. @param onRetry before each further attempt */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { retries, failFast }: { retries: number; failFast: boolean },
  signal: AbortSignal,
  onRetry: () => void,
): Promise<T> {
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (error) {
      const pause =
        made <= retries && error instanceof RemoteFailure
          ? pauseBefore(error, made, Math.random(), failFast)
          : null;
      if (pause === null) throw error;
      await sleep(pause, undefined, { signal });
      onRetry();
    }
  }
}
