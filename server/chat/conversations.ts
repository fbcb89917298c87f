import {
  deleteConversation,
  insertConversation,
  listConversations,
  listMessages,
  ownConversation,
  updateConversation,
} from "../../db/index.ts";
import { BASE, type Conversation, type Message, PatchbayError } from "../protocol/index.ts";
import type { ChatDeps } from "./deps.ts";
import { NEW_TITLE } from "./titles.ts";
import { newestLeafBelow } from "./tree.ts";

/** A person's conversations. Every method checks that it is theirs: `not-found` otherwise. */
export class Conversations {
  readonly #deps: ChatDeps;
  /** Ends running answers before their conversation goes. */
  readonly #stopAll: (conversationId: string) => Promise<void>;

  constructor(deps: ChatDeps, stopAll: (conversationId: string) => Promise<void>) {
    this.#deps = deps;
    this.#stopAll = stopAll;
  }

  list(userId: string): Promise<Conversation[]> {
    return listConversations(this.#deps.db, userId);
  }

  async create(
    userId: string,
    options: { title?: string | undefined; pinned?: string | undefined },
  ): Promise<Conversation> {
    const { db, newId, now } = this.#deps;
    const conversation = {
      id: newId(),
      title: options.title ?? NEW_TITLE,
      pinned: this.#pin(options.pinned ?? "auto"),
    };
    return this.#saved(userId, await insertConversation(db, userId, conversation, now()));
  }

  async open(userId: string, id: string): Promise<{ conversation: Conversation; messages: Message[] }> {
    const conversation = await ownConversation(this.#deps.db, userId, id);
    return { conversation, messages: await listMessages(this.#deps.db, id, userId) };
  }

  async rename(userId: string, id: string, title: string): Promise<Conversation> {
    await ownConversation(this.#deps.db, userId, id);
    return this.#saved(userId, await updateConversation(this.#deps.db, id, { title }, this.#deps.now()));
  }

  async pin(userId: string, id: string, choice: string): Promise<Conversation> {
    await ownConversation(this.#deps.db, userId, id);
    return this.#saved(
      userId,
      await updateConversation(this.#deps.db, id, { pinned: this.#pin(choice) }, this.#deps.now()),
    );
  }

  async showBranch(userId: string, id: string, messageId: string): Promise<Conversation> {
    const { messages } = await this.open(userId, id);
    if (!messages.some((message) => message.id === messageId))
      throw new PatchbayError("not-found", "There is no such message in this conversation.");
    const activeLeafId = newestLeafBelow(messages, messageId);
    return this.#saved(
      userId,
      await updateConversation(this.#deps.db, id, { activeLeafId }, this.#deps.now()),
    );
  }

  async delete(userId: string, id: string): Promise<void> {
    await ownConversation(this.#deps.db, userId, id);
    await this.#stopAll(id);
    await deleteConversation(this.#deps.db, id);
    this.#deps.publish(userId, { type: "deleted", conversationId: id });
  }

  /** @returns what is stored: an adapter's id or `base`, null for the router. @throws `adapter-unknown` */
  #pin(choice: string): string | null {
    if (choice === "auto") return null;
    if (choice !== BASE) this.#deps.experts().registry.find(choice);
    return choice;
  }

  #saved(userId: string, conversation: Conversation): Conversation {
    this.#deps.publish(userId, { type: "saved", conversation });
    return conversation;
  }
}
