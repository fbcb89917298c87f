/**
 * A task that never runs twice at once. Asked for while it runs, it runs once more afterwards, however often it was
 * asked for: what came late is not lost, and nothing piles up.
 */
export class OneAtATime {
  readonly #task: () => Promise<void>;
  readonly #onFault: (error: unknown) => void;
  #again = false;
  #running: Promise<void> | null = null;

  constructor(task: () => Promise<void>, onFault: (error: unknown) => void) {
    this.#task = task;
    this.#onFault = onFault;
  }

  /** Resolves when no run is due any more. */
  run(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#loop();
    return this.#running;
  }

  async #loop(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.#task().catch(this.#onFault);
    }
    this.#running = null;
  }
}
