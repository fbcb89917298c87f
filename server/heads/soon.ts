/**
 * A task that is run once things have been quiet for a while, and at the latest so long after the first call; but after a
 * run it rests for as long as that took, so that no stream of calls keeps it running all the time.
 */
export class Soon {
  readonly #task: () => Promise<void>;
  readonly #quietMs: number;
  readonly #mostMs: number;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = 0;
  #restsUntil = 0;
  /** Whether it runs, and was called meanwhile. */
  #state: "idle" | "running" | "running and called" | "closed" = "idle";

  /** @param task never rejects */
  constructor(task: () => Promise<void>, { quietMs, mostMs }: { quietMs: number; mostMs: number }) {
    this.#task = task;
    this.#quietMs = quietMs;
    this.#mostMs = mostMs;
  }

  call(): void {
    if (this.#state !== "idle") {
      if (this.#state === "running") this.#state = "running and called";
      return;
    }
    const now = Date.now();
    if (this.#timer) clearTimeout(this.#timer);
    else this.#dueAt = now + this.#mostMs;
    const wait = Math.max(0, Math.min(this.#quietMs, this.#dueAt - now), this.#restsUntil - now);
    this.#timer = setTimeout(() => void this.#run(), wait);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    this.#state = "closed";
  }

  async #run(): Promise<void> {
    this.#timer = null;
    this.#state = "running";
    const from = Date.now();
    await this.#task();
    this.#restsUntil = 2 * Date.now() - from;
    this.#end();
  }

  #end(): void {
    if (this.#state === "closed") return;
    const called = this.#state === "running and called";
    this.#state = "idle";
    if (called) this.call();
  }
}
