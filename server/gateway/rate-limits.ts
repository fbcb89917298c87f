import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { PatchbayError } from "../protocol/index.ts";
import type { Person } from "./identity.ts";

const MINUTE_SECONDS = 60;

/** What a key has left of its minute. */
export interface Allowance {
  limit: number;
  remaining: number;
  resetSeconds: number;
}

/** Counts what each API key asks for, over sockets and HTTP together, from its first request of a minute on. */
export class RateLimits {
  /** By limit: a limiter has one for all its keys. */
  readonly #limiters = new Map<number, RateLimiterMemory>();

  /** @returns null where nothing is limited. @throws {PatchbayError} `rate-limited` with `details.retryAfterSeconds` */
  async take({ key }: Person): Promise<Allowance | null> {
    if (!key || key.perMinute === null) return null;
    const limit = key.perMinute;
    const known = this.#limiters.get(limit);
    const limiter = known ?? new RateLimiterMemory({ points: limit, duration: MINUTE_SECONDS });
    if (!known) this.#limiters.set(limit, limiter);
    try {
      const { remainingPoints, msBeforeNext } = await limiter.consume(key.id);
      return { limit, remaining: remainingPoints, resetSeconds: secondsOf(msBeforeNext) };
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      const retryAfterSeconds = secondsOf(refused.msBeforeNext);
      throw new PatchbayError("rate-limited", `This API key may make ${limit} requests a minute.`, {
        hint: `Try again in ${retryAfterSeconds} s.`,
        details: { limit, retryAfterSeconds },
      });
    }
  }
}

const secondsOf = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
