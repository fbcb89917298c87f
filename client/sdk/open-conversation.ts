import {
  type Answer,
  type ClientEventInput,
  type ConversationChange,
  type LoggedEvent,
  PatchbayError,
  type RouteCorrection,
  type Vote,
} from "../../server/protocol/index.ts";
import { isAway } from "./away.ts";
import type { PatchbayClient } from "./client.ts";
import { randomId } from "./random-id.ts";
import { answerOf, nextSeq, reduce, streaming, type Transcript, type TranscriptInput } from "./transcript.ts";

/** Without news for this long from a streaming answer, the log is asked again. */
const STALL_MS = 8_000;
/** How long a question is tried to be sent while the server is away, and the pause between two tries. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 250;

type SendOptions = Pick<ClientEventInput<"message:send">, "parentId" | "adapter"> & { clientId: string };

export interface AskOptions extends Partial<SendOptions> {
  /** Is given each new piece of the answer. */
  onText?: (piece: string) => void;
}

/**
 * One conversation kept up to date over a connection: follows answers while they are written, and after a lost
 * connection, a gap or a server restart asks for what it missed. `subscribe`/`snapshot` fit React's
 * useSyncExternalStore; the terminal uses the same two.
 */
export class OpenConversation {
  readonly id: string;
  readonly #client: PatchbayClient;
  readonly #listeners = new Set<() => void>();
  readonly #unhook: (() => void)[];
  readonly #stallTimer: ReturnType<typeof setInterval>;
  #transcript: Transcript | null = null;
  #deleted = false;
  #lastNewsAt = Date.now();

  constructor(client: PatchbayClient, conversationId: string) {
    this.id = conversationId;
    this.#client = client;
    this.#unhook = [
      client.onLogged((logged) => this.#onLogged(logged)),
      client.onChange((change) => this.#onChange(change)),
      client.onStatus((status) => status === "online" && void this.refresh()),
    ];
    this.#stallTimer = setInterval(() => this.#checkStall(), STALL_MS / 2);
    // In Node, a program ends when its connection is closed; a browser's timer is a number.
    (this.#stallTimer as { unref?: () => void }).unref?.();
  }

  /** Starts a conversation and opens it. */
  static async create(
    client: PatchbayClient,
    options: ClientEventInput<"conversation:create"> = {},
  ): Promise<OpenConversation> {
    const { conversation } = await client.call("conversation:create", options);
    const open = new OpenConversation(client, conversation.id);
    await open.load();
    return open;
  }

  snapshot = (): Transcript | null => this.#transcript;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  get deleted(): boolean {
    return this.#deleted;
  }

  /** Loads the conversation (again) and follows what is being written. @throws {PatchbayError} `not-found` … */
  async load(): Promise<void> {
    const { conversation, messages } = await this.#client.call("conversation:open", {
      conversationId: this.id,
    });
    this.#apply({ type: "opened", conversation, messages });
    await this.#followAll();
  }

  /** As {@link load}, for moments when nobody waits for the result: a failure is met again at the next connection. */
  async refresh(): Promise<void> {
    if (this.#deleted) return;
    await this.load().catch(() => undefined);
  }

  /**
   * Asks and resolves with the whole answer, over lost connections and restarts of the server.
   * @throws {PatchbayError} why the question was refused or its answer failed
   */
  async ask(text: string, { onText, ...options }: AskOptions = {}): Promise<Answer> {
    const { id } = await this.sendPatiently(text, { clientId: randomId(), ...options });
    let told = 0;
    const answer = await this.follow(id, (current) => {
      if (current.text.length > told) onText?.(current.text.slice(told));
      told = current.text.length;
    });
    if (answer.error) throw PatchbayError.fromBody(answer.error);
    return answer;
  }

  /** As {@link send}, again and again until the server is there: the client id makes the question one. */
  async sendPatiently(text: string, options: SendOptions, patienceMs = PATIENCE_MS): Promise<Answer> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      try {
        return await this.send(text, options);
      } catch (error) {
        if (!isAway(error) || Date.now() > deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        await this.#client.ready(deadline - Date.now());
      }
    }
  }

  async send(text: string, options: SendOptions): Promise<Answer> {
    const reply = await this.#client.call("message:send", { conversationId: this.id, text, ...options });
    const { conversation } = reply;
    this.#apply({ type: "changed", change: { type: "message", conversation, message: reply.question } });
    this.#apply({ type: "changed", change: { type: "message", conversation, message: reply.answer } });
    await this.#follow(reply.answer.generationId);
    return reply.answer;
  }

  async regenerate(messageId: string, adapter?: string): Promise<Answer> {
    const { conversation, answer } = await this.#client.call("message:regenerate", {
      messageId,
      ...(adapter && { adapter }),
    });
    this.#apply({ type: "changed", change: { type: "message", conversation, message: answer } });
    await this.#follow(answer.generationId);
    return answer;
  }

  async showBranch(messageId: string): Promise<void> {
    const { conversation } = await this.#client.call("conversation:branch", {
      conversationId: this.id,
      messageId,
    });
    this.#apply({ type: "changed", change: { type: "saved", conversation } });
  }

  async stop(generationId: string): Promise<void> {
    await this.#client.call("stop", { generationId });
  }

  async vote(messageId: string, vote: Omit<ClientEventInput<"vote:set">, "messageId">): Promise<Vote> {
    const reply = await this.#client.call("vote:set", { messageId, ...vote });
    this.#applyVote(messageId, reply.vote);
    return reply.vote;
  }

  async retractVote(messageId: string): Promise<void> {
    await this.#client.call("vote:retract", { messageId });
    this.#applyVote(messageId, null);
  }

  /**
   * Says that an answer should have been this expert's (`base`: none of them), from which the router learns. To ask that
   * expert now: `regenerate(answerId, expert)`.
   */
  async correctRoute(answerId: string, expert: string): Promise<RouteCorrection> {
    const { questionId, correction } = await this.#client.call("route:correct", {
      messageId: answerId,
      expert,
    });
    this.#applyCorrection(questionId, correction);
    return correction;
  }

  async retractRoute(answerId: string): Promise<void> {
    const { questionId } = await this.#client.call("route:retract", { messageId: answerId });
    this.#applyCorrection(questionId, null);
  }

  /** Follows an answer to its end. `onUpdate` sees each state on the way. @throws as {@link when} */
  follow(answerId: string, onUpdate: (answer: Answer) => void): Promise<Answer> {
    return this.when(answerId, (answer) => {
      onUpdate(answer);
      return answer.status !== "streaming";
    });
  }

  /**
   * Resolves with the answer as soon as `reached` holds for it; looks at it now and at each change.
   * @throws {PatchbayError} `not-found` once the conversation is deleted, or why the server takes this client no longer
   */
  when(answerId: string, reached: (answer: Answer) => boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        for (const off of hooks) off();
        settle();
      };
      const look = () => {
        const refusal = this.#deleted
          ? new PatchbayError("not-found", "This conversation was deleted.")
          : this.#client.refusal;
        if (refusal) return end(() => reject(refusal));
        const answer = this.#transcript?.messages.get(answerId);
        if (answer?.role === "assistant" && reached(answer)) end(() => resolve(answer));
      };
      const hooks = [this.subscribe(look), this.#client.onStatus(look)];
      look();
    });
  }

  close(): void {
    clearInterval(this.#stallTimer);
    for (const off of this.#unhook) off();
    if (!this.#transcript) return;
    for (const { generationId } of streaming(this.#transcript))
      void this.#client.call("unsubscribe", { generationId }).catch(() => undefined);
  }

  #applyVote(messageId: string, vote: Vote | null): void {
    this.#apply({ type: "changed", change: { type: "vote", conversationId: this.id, messageId, vote } });
  }

  #applyCorrection(messageId: string, correction: RouteCorrection | null): void {
    const change = { type: "route", conversationId: this.id, messageId, correction } as const;
    this.#apply({ type: "changed", change });
  }

  async #followAll(): Promise<void> {
    const answers = this.#transcript ? streaming(this.#transcript) : [];
    await Promise.all(answers.map((answer) => this.#follow(answer.generationId)));
  }

  async #follow(generationId: string): Promise<void> {
    if (!this.#transcript) return;
    this.#lastNewsAt = Date.now();
    await this.#client.call("subscribe", {
      generationId,
      afterSeq: nextSeq(this.#transcript, generationId) - 1,
    });
  }

  #onLogged(logged: LoggedEvent): void {
    const transcript = this.#transcript;
    if (!transcript || !answerOf(transcript, logged.generationId)) return;
    this.#lastNewsAt = Date.now();
    if (logged.seq > nextSeq(transcript, logged.generationId))
      void this.#follow(logged.generationId).catch(() => undefined);
    else this.#apply({ type: "logged", logged });
  }

  #onChange(change: ConversationChange): void {
    if (change.type === "deleted") {
      if (change.conversationId !== this.id) return;
      this.#deleted = true;
      this.#notify();
      return;
    }
    const before = this.#transcript;
    this.#apply({ type: "changed", change });
    const added =
      change.type === "message" && this.#transcript !== before && change.message.role === "assistant";
    if (added) void this.#followAll().catch(() => undefined);
  }

  #checkStall(): void {
    const waiting = this.#transcript && streaming(this.#transcript).length > 0;
    if (waiting && this.#client.status === "online" && Date.now() - this.#lastNewsAt > STALL_MS)
      void this.refresh();
  }

  #apply(input: TranscriptInput): void {
    const next = reduce(this.#transcript, input);
    if (next === this.#transcript) return;
    this.#transcript = next;
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}
