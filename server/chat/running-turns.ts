import { limits, PatchbayError } from "../protocol/index.ts";
import { answerTurn, SHUTDOWN, STOPPED, type TurnToAnswer } from "./answer-turn.ts";
import type { ChatDeps } from "./deps.ts";

interface Running {
  userId: string;
  conversationId: string;
  controller: AbortController;
  done: Promise<void>;
}

/** The answers that are being written or wait for the model, whoever asked for them and over which way. */
export class RunningTurns {
  readonly #deps: ChatDeps;
  readonly #running = new Map<string, Running>();

  constructor(deps: ChatDeps) {
    this.#deps = deps;
  }

  /** @throws {PatchbayError} `too-many-turns` where somebody would have more than `most` with so many more */
  admit(userId: string, count = 1, most: number = limits.runningTurnsPerUser): void {
    const running = [...this.#running.values()].filter((other) => other.userId === userId).length;
    if (running + count > most)
      throw new PatchbayError(
        "too-many-turns",
        `There are already ${running} answers being written for you, of ${most} at most.`,
        { hint: "Wait for one to end, or stop one." },
      );
  }

  start(turn: Omit<TurnToAnswer, "signal">): void {
    const { userId, conversationId, generationId } = turn;
    const controller = new AbortController();
    const done = answerTurn(this.#deps, { ...turn, signal: controller.signal })
      .catch(this.#deps.onFault)
      .finally(() => this.#running.delete(generationId));
    this.#running.set(generationId, { userId, conversationId, controller, done });
  }

  /** Stops in queue, prefill or decode; what was generated stays. Returns whether there was something to stop. */
  stop(generationId: string): boolean {
    const running = this.#running.get(generationId);
    running?.controller.abort(STOPPED);
    return running !== undefined;
  }

  async stopConversation(conversationId: string): Promise<void> {
    const running = [...this.#running.values()].filter((other) => other.conversationId === conversationId);
    for (const { controller } of running) controller.abort(STOPPED);
    await Promise.all(running.map(({ done }) => done));
  }

  async close(): Promise<void> {
    const running = [...this.#running.values()];
    for (const { controller } of running) controller.abort(SHUTDOWN);
    await Promise.all(running.map(({ done }) => done));
  }
}
