import type { TokenLogprob } from "../../protocol/index.ts";
import type { Outcome } from "./messages.ts";

/** Text goes out this often; tokens that come faster share a delta. */
const FLUSH_MS = 100;

/** Collects what the server has to know and sends it together: text after a while, everything else after the step. */
export class Outbox {
  readonly #send: (outcomes: Outcome[]) => void;
  readonly #texts = new Map<number, { text: string; logprobs: TokenLogprob[] }>();
  #outcomes: Outcome[] = [];
  #urgent = false;
  #sentAt = 0;

  constructor(send: (outcomes: Outcome[]) => void) {
    this.#send = send;
  }

  /** Text of an answer. @param first the first word, which people wait for, goes out with the next {@link flush} */
  addText(id: number, text: string, first: boolean, logprobs: TokenLogprob[] = []): void {
    if (text === "" && logprobs.length === 0) return;
    const before = this.#texts.get(id);
    this.#texts.set(id, {
      text: (before?.text ?? "") + text,
      logprobs: [...(before?.logprobs ?? []), ...logprobs],
    });
    if (first) this.#urgent = true;
  }

  add(outcome: Outcome): void {
    // What was said before comes before.
    this.#takeText(outcome.id);
    this.#outcomes.push(outcome);
    this.#urgent = true;
  }

  /** Sends what is due. Returns whether anything went out. */
  flush(now: number): boolean {
    if (!this.#urgent && (this.#texts.size === 0 || now - this.#sentAt < FLUSH_MS)) return false;
    for (const id of [...this.#texts.keys()]) this.#takeText(id);
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    this.#urgent = false;
    this.#sentAt = now;
    this.#send(outcomes);
    return true;
  }

  #takeText(id: number): void {
    const waiting = this.#texts.get(id);
    if (waiting === undefined) return;
    this.#texts.delete(id);
    const { text, logprobs } = waiting;
    this.#outcomes.push({
      id,
      event: { type: "delta", text, ...(logprobs.length > 0 && { logprobs }) },
    });
  }
}
