import {
  type Database,
  findByClientId,
  insertAnswer,
  insertQuestion,
  inTransaction,
  listMessages,
  ownConversation,
  ownGeneration,
  ownMessage,
  updateConversation,
} from "../../db/index.ts";
import {
  type Answer,
  BASE,
  type Conversation,
  type LoggedEvent,
  type Message,
  PatchbayError,
  type Question,
} from "../protocol/index.ts";
import type { ChatDeps } from "./deps.ts";
import { closeInterrupted } from "./interrupted.ts";
import { newAnswer } from "./new-answer.ts";
import type { RunningTurns } from "./running-turns.ts";
import { NEW_TITLE, titleFrom } from "./titles.ts";
import { branchTo } from "./tree.ts";

export interface SendRequest {
  conversationId: string;
  clientId: string;
  text: string;
  /** undefined: below the active leaf. */
  parentId?: string | null | undefined;
  adapter?: string | undefined;
}

interface TurnToStart {
  answer: Answer;
  /** The branch down to the question that is answered. */
  branch: Message[];
  requested: string;
  startedAt: number;
}

/** Questions and answers: starts turns, stops them, lets clients follow them. */
export class Turns {
  readonly #deps: ChatDeps;
  readonly #running: RunningTurns;

  constructor(deps: ChatDeps, running: RunningTurns) {
    this.#deps = deps;
    this.#running = running;
  }

  async send(
    userId: string,
    request: SendRequest,
  ): Promise<{ conversation: Conversation; question: Question; answer: Answer }> {
    const startedAt = performance.now();
    const { db } = this.#deps;
    const conversation = await ownConversation(db, userId, request.conversationId);
    const messages = await listMessages(db, conversation.id, userId);
    const known = await this.#findSent(conversation, messages, request.clientId);
    if (known) return known;
    const requested = this.#requested(conversation, request.adapter);
    this.#running.admit(userId);
    const parentId = request.parentId === undefined ? conversation.activeLeafId : request.parentId;
    const question = this.#newQuestion(messages, { ...request, parentId });
    const answer = newAnswer(this.#deps, question);
    const title =
      conversation.title === NEW_TITLE && messages.length === 0
        ? titleFrom(question.text)
        : conversation.title;
    const saved = await this.#store(answer, async (trx) => {
      // Sent twice at the same moment: transactions run one after the other, so the second one sees the first.
      if (await findByClientId(trx, conversation.id, request.clientId)) return null;
      await insertQuestion(trx, question);
      await insertAnswer(trx, answer, requested);
      return updateConversation(trx, conversation.id, { activeLeafId: answer.id, title }, this.#deps.now());
    });
    if (!saved) return this.send(userId, request);
    this.#deps.publish(userId, { type: "message", conversation: saved, message: question });
    this.#start(userId, saved, {
      answer,
      branch: [...branchTo(messages, parentId), question],
      requested,
      startedAt,
    });
    return { conversation: saved, question, answer };
  }

  /** Another answer to the same question, beside the one given. */
  async regenerate(
    userId: string,
    messageId: string,
    adapter?: string,
  ): Promise<{ conversation: Conversation; answer: Answer }> {
    const startedAt = performance.now();
    const { db } = this.#deps;
    const { conversationId } = await ownMessage(db, userId, messageId);
    const conversation = await ownConversation(db, userId, conversationId);
    const messages = await listMessages(db, conversationId, userId);
    const old = messages.find((message) => message.id === messageId);
    const question = messages.find((message) => message.id === old?.parentId);
    if (old?.role !== "assistant" || question?.role !== "user")
      throw new PatchbayError("conflict", "Only an answer can be written again.");
    if (old.status === "streaming")
      throw new PatchbayError("conflict", "This answer is still being written.", { hint: "Stop it first." });
    const requested = this.#requested(conversation, adapter);
    this.#running.admit(userId);
    const answer = newAnswer(this.#deps, question);
    const saved = await this.#store(answer, async (trx) => {
      await insertAnswer(trx, answer, requested);
      return updateConversation(trx, conversationId, { activeLeafId: answer.id }, this.#deps.now());
    });
    this.#start(userId, saved, { answer, branch: branchTo(messages, question.id), requested, startedAt });
    return { conversation: saved, answer };
  }

  /** Stops in queue, prefill or decode; what was generated stays. Returns whether there was something to stop. */
  async stop(userId: string, generationId: string): Promise<boolean> {
    await ownGeneration(this.#deps.db, userId, generationId);
    return this.#running.stop(generationId);
  }

  /** Replays the log after `afterSeq`, then follows it. */
  async subscribe(
    userId: string,
    generationId: string,
    afterSeq: number,
    listener: (logged: LoggedEvent) => void,
  ): Promise<() => void> {
    const { db, log, now } = this.#deps;
    const generation = await ownGeneration(db, userId, generationId);
    // Its writer is gone (a full disk kept the ending from being stored): close it now.
    if (generation.status === "streaming" && !log.isLive(generationId))
      await closeInterrupted(db, generationId, now());
    return log.subscribe(generationId, afterSeq, listener);
  }

  /** Writes a new answer. Its log is open before the answer can be seen, so that nobody takes it for an interrupted one. */
  async #store<Saved extends Conversation | null>(
    answer: Answer,
    write: (trx: Database) => Promise<Saved>,
  ): Promise<Saved> {
    const { db, log } = this.#deps;
    log.begin(answer.generationId);
    const saved = await inTransaction(db, write).catch((error) => {
      log.discard(answer.generationId);
      throw error;
    });
    if (!saved) log.discard(answer.generationId);
    return saved;
  }

  #start(userId: string, conversation: Conversation, { answer, branch, ...turn }: TurnToStart): void {
    this.#deps.publish(userId, { type: "message", conversation, message: answer });
    this.#running.start({
      ...turn,
      userId,
      conversationId: conversation.id,
      sharedAs: userId,
      generationId: answer.generationId,
      turns: branch.map(({ role, text }) => ({ role, text })),
      previous: previousExpert(branch),
    });
  }

  /** A message that was sent twice is answered with what the first sending made. */
  async #findSent(conversation: Conversation, messages: Message[], clientId: string) {
    const id = await findByClientId(this.#deps.db, conversation.id, clientId);
    const question = messages.find((message) => message.id === id);
    const answer = messages.find((message) => message.parentId === id);
    if (question?.role !== "user" || answer?.role !== "assistant") return null;
    return { conversation, question, answer };
  }

  #requested(conversation: Conversation, adapter: string | undefined): string {
    const requested = adapter ?? conversation.pinned ?? "auto";
    if (requested === "auto" || requested === BASE) return requested;
    // A pinned adapter that has been unplugged since leaves the choice to the router; one asked for by name is an error.
    const { registry } = this.#deps.experts();
    if (adapter === undefined && !registry.adapters.has(requested)) return "auto";
    return registry.find(requested).summary.id;
  }

  #newQuestion(messages: Message[], request: SendRequest & { parentId: string | null }): Question {
    const parent = messages.find((message) => message.id === request.parentId);
    if (request.parentId !== null && parent?.role !== "assistant")
      throw new PatchbayError("not-found", "There is no such answer to reply to in this conversation.");
    if (
      parent?.role === "assistant" &&
      parent.status === "streaming" &&
      this.#deps.log.isLive(parent.generationId)
    )
      throw new PatchbayError("conflict", "The answer before is still being written.", {
        hint: "Wait for it or stop it.",
      });
    const { conversationId, clientId, text, parentId } = request;
    return {
      id: this.#deps.newId(),
      conversationId,
      parentId,
      role: "user",
      text,
      clientId,
      createdAt: this.#deps.now(),
      routeCorrection: null,
    };
  }
}

function previousExpert(branch: Message[]): string | null {
  const answers = branch.filter((message) => message.role === "assistant");
  return answers.at(-1)?.expert?.id ?? null;
}
