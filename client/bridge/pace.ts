/** Keeps calls apart, so that all of them together stay below a service's rate limit. */
export class Pace {
  readonly #gapMs: number;
  #nextAt = 0;

  constructor(gapMs: number) {
    this.#gapMs = gapMs;
  }

  /** Resolves when it is the caller's turn. */
  async next(): Promise<void> {
    const now = Date.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + this.#gapMs;
    if (at > now) await new Promise((resolve) => setTimeout(resolve, at - now));
  }

  /** Makes a call whose turn it is. One that takes longer than the gap was told to wait: the next one comes a gap after it. */
  async make<T>(call: () => Promise<T>): Promise<T> {
    const from = Date.now();
    try {
      return await call();
    } finally {
      const now = Date.now();
      if (now - from > this.#gapMs) this.#nextAt = Math.max(this.#nextAt, now + this.#gapMs);
    }
  }
}
