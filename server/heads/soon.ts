/** A task that is run once things have been quiet for a while, and at the latest so long after the first call. */
export class Soon {
  readonly #task: () => void;
  readonly #quietMs: number;
  readonly #mostMs: number;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = 0;

  /** @param now milliseconds */
  constructor(
    task: () => void,
    { quietMs, mostMs, now = Date.now }: { quietMs: number; mostMs: number; now?: () => number },
  ) {
    this.#task = task;
    this.#quietMs = quietMs;
    this.#mostMs = mostMs;
    this.#now = now;
  }

  call(): void {
    const now = this.#now();
    if (this.#timer) clearTimeout(this.#timer);
    else this.#dueAt = now + this.#mostMs;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#task();
      },
      Math.max(0, Math.min(this.#quietMs, this.#dueAt - now)),
    );
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
