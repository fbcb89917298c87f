import { OpenConversation, PatchbayError } from "../sdk/index.ts";
import { backoffMs } from "./backoff.ts";
import type { People } from "./people.ts";
import type { BridgeStore, ChatVote, Turn } from "./store.ts";

export type VoteResult = "saved" | "outdated" | "no-answer" | "not-asked-by-you";

export interface VotesDeps {
  store: BridgeStore;
  people: People;
  log: (line: string) => void;
}

/**
 * Votes on their way to the server, under the name of whoever asked. Each is kept until the server has saved or refused
 * it, over restarts of both; those on one answer go one after the other.
 */
export class Votes {
  readonly #deps: VotesDeps;
  /** The last vote on its way for each answer. */
  readonly #lines = new Map<string, Promise<unknown>>();
  #failures = 0;
  #retry: NodeJS.Timeout | null = null;
  #closing = false;

  constructor(deps: VotesDeps) {
    this.#deps = deps;
  }

  /**
   * Takes a vote: it is stored when this returns, and saved when the promise resolves.
   * @throws {PatchbayError} why the server did not save it; where that may pass, it is tried again later
   */
  take(given: ChatVote): Promise<VoteResult> {
    const turn = this.#deps.store.ofPost(given.place, given.post);
    if (!isAnswered(turn)) return Promise.resolve("no-answer");
    if (turn.author !== given.author) return Promise.resolve("not-asked-by-you");
    this.#deps.store.keepVote(given);
    return this.#inLine(given);
  }

  /** Goes on with what is not saved yet. */
  resume(): void {
    this.#retry = null;
    for (const given of this.#deps.store.keptVotes())
      this.#inLine(given).catch((error) => this.#deps.log(`a vote was not saved: ${error.message}`));
  }

  /** Begins nothing more; what is not saved yet is after the next start. */
  close(): void {
    this.#closing = true;
    if (this.#retry) clearTimeout(this.#retry);
  }

  #inLine(given: ChatVote): Promise<VoteResult> {
    const key = JSON.stringify([given.place, given.post]);
    const saved = (this.#lines.get(key) ?? Promise.resolve()).then(() => this.#save(given));
    const settled = saved
      .catch(() => undefined)
      .finally(() => this.#lines.get(key) === settled && this.#lines.delete(key));
    this.#lines.set(key, settled);
    return saved;
  }

  async #save(given: ChatVote): Promise<VoteResult> {
    const { store } = this.#deps;
    const turn = store.ofPost(given.place, given.post);
    if (!isAnswered(turn)) return "no-answer";
    if (turn.votedAt !== null && turn.votedAt >= given.at) {
      store.dropVote(given);
      return "outdated";
    }
    try {
      await this.#send(given, turn);
    } catch (error) {
      if (!this.#closing) this.#afterFailure(given, error);
      throw error;
    }
    this.#failures = 0;
    // Else it is saved once more after the next start, which changes nothing.
    if (!this.#closing) store.voteSaved(given);
    return "saved";
  }

  async #send(given: ChatVote, { conversationId, answerId }: Answered): Promise<void> {
    await this.#deps.people.as(given.author, async (client) => {
      const open = new OpenConversation(client, conversationId);
      try {
        await open.load();
        // A thumb may come while the answer is being written.
        const answer = await open.when(answerId, ({ status }) => status !== "streaming");
        if (given.act === "give")
          await open.vote(answerId, { value: given.value, comment: given.comment ?? "" });
        else if (answer.vote?.value === given.value) await open.retractVote(answerId);
      } finally {
        open.close();
      }
    });
  }

  #afterFailure(given: ChatVote, error: unknown): void {
    const mayPass = error instanceof PatchbayError && (error.status >= 500 || error.status === 429);
    if (!mayPass) this.#deps.store.dropVote(given);
    else this.#retry ??= setTimeout(() => this.resume(), backoffMs(++this.#failures));
  }
}

type Answered = Turn & { conversationId: string; answerId: string };

const isAnswered = (turn: Turn | undefined): turn is Answered =>
  turn !== undefined && turn.conversationId !== null && turn.answerId !== null;
