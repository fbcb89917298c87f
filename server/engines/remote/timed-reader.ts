import { RemoteFailure } from "./upstream.ts";

/**
 * Reads a stream whose next event has to come in time. A time-out, or the person who asked, ends it at once and closes its
 * connection, whatever the other side does.
 */
export class TimedReader<T> {
  readonly #connection = new AbortController();
  readonly #iterator: AsyncIterator<T>;
  readonly #stop: AbortSignal;
  readonly #close = () => this.#connection.abort();

  /** @param open gets the signal that ends its connection */
  constructor(open: (signal: AbortSignal) => AsyncIterable<T>, stop: AbortSignal) {
    this.#stop = stop;
    stop.addEventListener("abort", this.#close, { once: true });
    this.#iterator = open(this.#connection.signal)[Symbol.asyncIterator]();
  }

  /**
   * The next event, or null at the end.
   * @throws {RemoteFailure} `remote-timeout` after `ms`
   * @throws the reason of the signal that stops it
   */
  async next(ms: number, tooLate: string): Promise<T | null> {
    let timer: NodeJS.Timeout | undefined;
    let onStop = () => {};
    const interrupted = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new RemoteFailure("remote-timeout", tooLate)), ms);
      onStop = () => reject(this.#stop.reason);
      if (this.#stop.aborted) onStop();
      else this.#stop.addEventListener("abort", onStop, { once: true });
    });
    try {
      const { done, value } = await Promise.race([this.#iterator.next(), interrupted]);
      return done ? null : value;
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#stop.removeEventListener("abort", onStop);
    }
  }

  close(): void {
    this.#stop.removeEventListener("abort", this.#close);
    this.#connection.abort();
  }
}
