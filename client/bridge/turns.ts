import { setTimeout as pause } from "node:timers/promises";
import { type Answer, isAway, OpenConversation, type PatchbayClient, PatchbayError } from "../sdk/index.ts";
import { backoffMs } from "./backoff.ts";
import type { People } from "./people.ts";
import { quotingExchange } from "./quote.ts";
import type { BridgeStore, ChatQuestion, Turn } from "./store.ts";

/** How long a question waits for a server that is away, and how often it is tried. */
const PATIENCE_MS = 10 * 60_000;
const RETRY_MS = 2_000;
/** How long closing waits for what is on its way to the chat service. */
const CLOSE_MS = 5_000;

/** What a chat service shows of an answer, to be known after a restart. */
export type Shown = Partial<Pick<Turn, "post" | "pages">>;

/** Where one answer is shown in the chat service. */
export interface AnswerPost {
  /** Sees every state of the answer while it is written. Resolves, never rejects, when what this began is shown. */
  update(answer: Answer): Promise<void>;
  /** Shows the answer as it is now and stays. `notice`: the expert's standing line, such as what it is not. */
  end(answer: Answer, notice: string | null): Promise<void>;
  /** Says why there is no answer. */
  fail(error: PatchbayError): Promise<void>;
}

export interface TurnsDeps {
  store: BridgeStore;
  people: People;
  /** Makes the post of a turn's answer, which records what is shown as soon as it is. */
  post: (turn: Turn, record: (shown: Shown) => void) => AnswerPost;
  /** What the chat service says where trying again would change nothing, by its own name; else null. */
  refusalIn: (error: unknown) => string | null;
  log: (line: string) => void;
}

/**
 * Questions from a chat service and their way to an answer. Each is taken once and kept until its answer is shown,
 * over restarts of the bridge and of the server and while the chat service takes nothing; what one person has asked in a
 * thread and waits for an answer gets it in the order in which it was asked.
 */
export class Turns {
  readonly #deps: TurnsDeps;
  /** Threads and people whose questions are being answered. */
  readonly #lines = new Set<string>();
  /** What is on its way to the chat service. */
  readonly #showing = new Set<Promise<void>>();
  #closing = false;

  constructor(deps: TurnsDeps) {
    this.#deps = deps;
  }

  /** Stores a question before it returns; once closed, for the next start. @returns false where it was delivered before */
  take(question: ChatQuestion): boolean {
    const isNew = this.#deps.store.take(question);
    if (isNew) this.#work(question);
    return isNew;
  }

  /** Goes on with what was not finished when the bridge ended. */
  resume(): void {
    for (const turn of this.#deps.store.unfinished()) this.#work(turn);
  }

  /**
   * Begins nothing more, and resolves once what is on its way to the chat service is recorded as shown. What is being
   * written goes on at the server and is shown after the next start.
   */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.race([Promise.allSettled(this.#showing), pause(CLOSE_MS, undefined, { ref: false })]);
  }

  #work({ place, thread, author }: ChatQuestion): void {
    const line = { place, thread, author };
    const key = JSON.stringify(line);
    if (this.#closing || this.#lines.has(key)) return;
    this.#lines.add(key);
    void this.#workOff(line).finally(() => this.#lines.delete(key));
  }

  async #workOff(line: Pick<ChatQuestion, "place" | "thread" | "author">): Promise<void> {
    const { store, log } = this.#deps;
    let deadline = Date.now() + PATIENCE_MS;
    let failures = 0;
    while (!this.#closing) {
      const turn = store.nextUnfinished(line);
      if (!turn) return;
      try {
        await this.#answer(turn, Date.now() < deadline);
        failures = 0;
      } catch (error) {
        if (this.#closing) return;
        if (isAway(error)) {
          await pause(RETRY_MS, undefined, { ref: false });
          continue;
        }
        const refusal = this.#deps.refusalIn(error);
        if (refusal === null) {
          const waitMs = backoffMs(++failures);
          log(`an answer could not be shown, next try in ${waitMs / 1_000} s: ${error}`);
          await pause(waitMs, undefined, { ref: false });
        } else {
          log(`an answer cannot be shown (${refusal}) and is given up`);
          store.record(turn, { done: 1 });
          failures = 0;
        }
      }
      deadline = Date.now() + PATIENCE_MS;
    }
  }

  /** @throws {PatchbayError} where the server is away, while there is patience for it */
  async #answer(turn: Turn, patient: boolean): Promise<void> {
    const { store, people, post } = this.#deps;
    const shown = post(turn, (progress) => store.record(turn, progress));
    try {
      await people.as(turn.author, async (client) => {
        const open = await this.#conversationOf(client, turn);
        try {
          const text = turn.answerId ? turn.text : await this.#withContext(open, turn);
          const started = await open.sendPatiently(text, { clientId: turn.id });
          store.record(turn, { conversationId: open.id, answerId: started.id });
          const answer = await open.follow(started.id, (state) => {
            if (!this.#closing) void this.#show(shown.update(state));
          });
          const notice = await noticeOf(client, answer);
          if (!this.#closing) await this.#show(this.#last(turn, shown.end(answer, notice)));
        } finally {
          open.close();
        }
      });
    } catch (error) {
      if (this.#closing || !(error instanceof PatchbayError) || (patient && isAway(error))) throw error;
      this.#deps.log(`a question was not answered: ${error.message} (${error.code})`);
      await this.#show(this.#last(turn, shown.fail(error)));
    }
  }

  async #last(turn: Turn, shown: Promise<void>): Promise<void> {
    await shown;
    this.#deps.store.record(turn, { done: 1 });
  }

  async #show(showing: Promise<void>): Promise<void> {
    this.#showing.add(showing);
    try {
      await showing;
    } finally {
      this.#showing.delete(showing);
    }
  }

  /** The conversation that the person has in this thread, or a new one where there is none or it was deleted. */
  async #conversationOf(client: PatchbayClient, turn: Turn): Promise<OpenConversation> {
    const { store } = this.#deps;
    const id = turn.conversationId ?? store.lastAnswered(turn, "author")?.conversationId;
    const open = (id && (await reopened(client, id))) || (await OpenConversation.create(client));
    store.record(turn, { conversationId: open.id });
    await this.#pin(client, open, store.preferenceOf(turn.place, turn.author).pinned);
    return open;
  }

  async #pin(client: PatchbayClient, open: OpenConversation, pinned: string | null): Promise<void> {
    if (open.snapshot()?.conversation.pinned === pinned) return;
    try {
      await client.call("conversation:pin", { conversationId: open.id, pinned: pinned ?? "auto" });
    } catch (error) {
      if (!(error instanceof PatchbayError && error.code === "adapter-unknown")) throw error;
      // Unplugged since it was pinned: the router chooses.
      await client.call("conversation:pin", { conversationId: open.id, pinned: "auto" });
    }
  }

  async #withContext(open: OpenConversation, turn: Turn): Promise<string> {
    // Where a whole place is one conversation, what others asked there may be about anything.
    if (turn.thread === turn.place) return turn.text;
    const other = this.#deps.store.lastAnswered(turn, "others");
    const { conversationId, answerId } = other ?? {};
    const isFirst = open.snapshot()?.messages.size === 0;
    if (!isFirst || !other || !conversationId || !answerId) return turn.text;
    const { messages } = await this.#deps.people
      .as(other.author, (client) => client.call("conversation:open", { conversationId }))
      .catch(() => ({ messages: [] }));
    return quotingExchange(turn.text, messages, answerId);
  }
}

async function reopened(client: PatchbayClient, id: string): Promise<OpenConversation | null> {
  const open = new OpenConversation(client, id);
  try {
    await open.load();
    return open;
  } catch (error) {
    open.close();
    if (error instanceof PatchbayError && error.code === "not-found") return null;
    throw error;
  }
}

async function noticeOf(client: PatchbayClient, answer: Answer): Promise<string | null> {
  const { adapters } = await client.call("adapters", {});
  return adapters.find((adapter) => adapter.id === answer.expert?.id)?.notice ?? null;
}
