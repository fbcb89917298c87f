import { type Answer, OpenConversation, type PatchbayClient, PatchbayError } from "../sdk/index.ts";
import type { People } from "./people.ts";
import { quotingExchange } from "./quote.ts";
import type { BridgeStore, ChatQuestion, Turn } from "./store.ts";

/** How long a question waits for a server that cannot be reached, and how often it is tried. */
const PATIENCE_MS = 10 * 60_000;
const RETRY_MS = 2_000;

/** Where one answer is shown in the chat service. */
export interface AnswerPost {
  /** Sees every state of the answer while it is written; returns at once. */
  update(answer: Answer): void;
  /** Shows the answer as it is now and stays. `notice`: the expert's standing line, such as what it is not. */
  end(answer: Answer, notice: string | null): Promise<void>;
  /** Says why there is no answer. */
  fail(error: PatchbayError): Promise<void>;
}

export interface TurnsDeps {
  store: BridgeStore;
  people: People;
  /** Makes the post of a turn's answer; `posted` is told the message's id as soon as there is one. */
  post: (turn: Turn, posted: (post: string) => void) => AnswerPost;
  log: (line: string) => void;
}

/**
 * Questions from a chat service and their way to an answer. Each is taken once and kept until its answer has ended,
 * over restarts of the bridge and of the server; one person's questions in a thread are answered in the order in which
 * they were asked.
 */
export class Turns {
  readonly #deps: TurnsDeps;
  /** Threads and people whose questions are being answered. */
  readonly #lines = new Map<string, Promise<void>>();
  #closing = false;

  constructor(deps: TurnsDeps) {
    this.#deps = deps;
  }

  /** @returns false where the question was delivered before */
  take(question: ChatQuestion): boolean {
    if (this.#closing || !this.#deps.store.take(question)) return false;
    this.#work(question);
    return true;
  }

  /** Goes on with what was not finished when the bridge ended. */
  resume(): void {
    for (const turn of this.#deps.store.unfinished()) this.#work(turn);
  }

  /** Takes nothing more. What is being written goes on at the server and is shown after the next start. */
  close(): void {
    this.#closing = true;
  }

  #work({ place, thread, author }: ChatQuestion): void {
    const line = { place, thread, author };
    const key = JSON.stringify(line);
    if (this.#lines.has(key)) return;
    const work = this.#workOff(line).finally(() => this.#lines.delete(key));
    this.#lines.set(key, work);
  }

  async #workOff(line: Pick<ChatQuestion, "place" | "thread" | "author">): Promise<void> {
    const { store, log } = this.#deps;
    let deadline = Date.now() + PATIENCE_MS;
    while (!this.#closing) {
      const turn = store.nextUnfinished(line);
      if (!turn) return;
      try {
        await this.#answer(turn, Date.now() < deadline);
      } catch (error) {
        if (this.#closing) return;
        if (isUnreachable(error)) {
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
          continue;
        }
        log(`an answer could not be shown: ${error}`);
      }
      if (this.#closing) return;
      store.record(turn, { done: 1 });
      deadline = Date.now() + PATIENCE_MS;
    }
  }

  /** @throws {PatchbayError} `server-unreachable` while there is patience for it */
  async #answer(turn: Turn, patient: boolean): Promise<void> {
    const { store, people, post } = this.#deps;
    const shown = post(turn, (id) => store.record(turn, { post: id }));
    try {
      await people.as(turn.author, async (client) => {
        const open = await this.#conversationOf(client, turn);
        try {
          const text = turn.answerId ? turn.text : await this.#withContext(open, turn);
          const started = await open.sendPatiently(text, { clientId: turn.id });
          store.record(turn, { conversationId: open.id, answerId: started.id });
          const answer = await open.follow(started.id, (state) => {
            if (!this.#closing) shown.update(state);
          });
          await shown.end(answer, await noticeOf(client, answer));
        } finally {
          open.close();
        }
      });
    } catch (error) {
      if (this.#closing || !(error instanceof PatchbayError) || (patient && isUnreachable(error)))
        throw error;
      this.#deps.log(`a question was not answered: ${error.message} (${error.code})`);
      await shown.fail(error);
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

const isUnreachable = (error: unknown): boolean =>
  error instanceof PatchbayError && error.code === "server-unreachable";

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
