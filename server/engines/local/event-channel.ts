/** A queue with one reader: events pushed from callbacks, read with `for await`. */
export class EventChannel<T> implements AsyncIterable<T> {
  readonly #queue: T[] = [];
  #ended: { error: unknown } | "done" | null = null;
  #wake: (() => void) | null = null;

  push(item: T): void {
    if (this.#ended) return;
    this.#queue.push(item);
    this.#wake?.();
  }

  end(): void {
    this.#ended ??= "done";
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#ended ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const item = this.#queue.shift();
      if (item !== undefined) yield item;
      else if (this.#ended === "done") return;
      else if (this.#ended) throw this.#ended.error;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
