/** Keeps calls apart, so that all of them together stay below a service's rate limit. */
export class Pace {
  readonly #gapMs: number;
  #nextAt = 0;

  constructor(gapMs: number) {
    this.#gapMs = gapMs;
  }

  /** Makes a call in its turn. One that takes longer than the gap was told to wait: the next one comes a gap after it. */
  async run(call: () => Promise<void>): Promise<void> {
    const now = Date.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + this.#gapMs;
    if (at > now) await new Promise((resolve) => setTimeout(resolve, at - now));
    const from = Date.now();
    try {
      await call();
    } finally {
      const done = Date.now();
      if (done - from > this.#gapMs) this.#nextAt = Math.max(this.#nextAt, done + this.#gapMs);
    }
  }
}
