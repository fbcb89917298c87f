import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";
import { onTestFinished } from "vitest";
import { applyTurnEvent } from "../../client/sdk/index.ts";
import { newAnswer } from "../../server/chat/new-answer.ts";
import type {
  Answer,
  ClientEventInput,
  ClientEventName,
  Conversation,
  ErrorBody,
  ErrorCode,
  Message,
  Question,
  Replies,
  TurnEvent,
  Vote,
} from "../../server/protocol/index.ts";

type Handlers = {
  [Name in ClientEventName]?: (payload: ClientEventInput<Name>, socket: Socket) => Replies[Name];
};

const at = "2026-01-01T00:00:00.000Z";

/**
 * A Patchbay server as a bridge sees it, over real sockets but without a model: it writes the answers that a test gives
 * it and refuses what a test wants refused, at once and at the moment that matters.
 */
export class ScriptedPatchbay {
  /** What answers say, in the pieces in which they come, and the pause before each, in ms. */
  pieces = ["Hello ", "there."];
  pieceMs = 0;
  readonly questions: Question[] = [];
  /** What counts as vote on the answers, in their order. */
  get votes(): (Vote["value"] | null)[] {
    return [...this.#messages.values()].flatMap(({ role, ...message }) =>
      role === "assistant" ? [(message as Answer).vote?.value ?? null] : [],
    );
  }
  readonly #http: HttpServer = createServer((_, response) => {
    response.writeHead(200, { "set-cookie": `person=${++this.#ids}`, "content-type": "application/json" });
    response.end("{}");
  });
  readonly #io = new Server(this.#http);
  readonly #conversations = new Map<string, Conversation>();
  readonly #messages = new Map<string, Message>();
  readonly #refusals = new Map<ClientEventName, ErrorCode[]>();
  #ids = 0;

  static async start(): Promise<ScriptedPatchbay> {
    const patchbay = new ScriptedPatchbay();
    await once(patchbay.#http.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => patchbay.close());
    return patchbay;
  }

  private constructor() {
    this.#io.on("connection", (socket) => {
      socket.onAny((name: ClientEventName, payload: unknown, ack: (reply: object) => void) => {
        const code = this.#refusals.get(name)?.shift();
        const error: ErrorBody | undefined = code && { code, message: `scripted: ${code}` };
        const handle = this.#handlers[name] as ((payload: unknown, socket: Socket) => object) | undefined;
        ack(error ? { ok: false, error } : { ok: true, ...handle?.(payload, socket) });
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** Refuses the next calls of an event, one code after the other. */
  refuse(name: ClientEventName, ...codes: ErrorCode[]): void {
    this.#refusals.set(name, codes);
  }

  async close(): Promise<void> {
    await this.#io.close();
  }

  readonly #handlers: Handlers = {
    adapters: () => ({ adapters: [] }),
    "conversation:create": () => {
      const id = this.#newId();
      const conversation = { id, title: "", pinned: null, activeLeafId: null, createdAt: at, updatedAt: at };
      this.#conversations.set(id, conversation);
      return { conversation };
    },
    "conversation:open": ({ conversationId }) => ({
      conversation: this.#conversation(conversationId),
      messages: [...this.#messages.values()].filter((message) => message.conversationId === conversationId),
    }),
    "message:send": ({ conversationId, clientId, text }) => {
      const conversation = this.#conversation(conversationId);
      const known = this.questions.find((question) => question.clientId === clientId);
      const question = known ?? this.#ask(conversationId, clientId, text);
      return { conversation, question, answer: this.#answerTo(question) };
    },
    subscribe: ({ generationId, afterSeq }, socket) => {
      void this.#write(generationId, afterSeq, socket);
      return { generationId };
    },
    "vote:set": ({ messageId, value }) => {
      const vote: Vote = { value, reasons: [], comment: "", correction: "", updatedAt: at };
      this.#change(messageId, { vote });
      return { vote };
    },
    "vote:retract": ({ messageId }) => {
      this.#change(messageId, { vote: null });
      return {};
    },
  };

  #newId(): string {
    return `01K${String(++this.#ids).padStart(23, "0")}`;
  }

  #conversation(id: string): Conversation {
    return this.#conversations.get(id) as Conversation;
  }

  #ask(conversationId: string, clientId: string, text: string): Question {
    const question: Question = {
      conversationId,
      createdAt: at,
      id: this.#newId(),
      parentId: null,
      role: "user",
      text,
      clientId,
      routeCorrection: null,
    };
    const id = this.#newId();
    const answer: Answer = {
      ...newAnswer({ newId: () => id, now: () => at }, question),
      expert: { id: "support", title: "Support", version: "1", sha256: null },
    };
    this.questions.push(question);
    this.#messages.set(question.id, question).set(id, answer);
    return question;
  }

  #answerTo(question: Question): Answer {
    const answers = [...this.#messages.values()].filter((message) => message.parentId === question.id);
    return answers[0] as Answer;
  }

  #change(id: string, change: Partial<Answer>): void {
    this.#messages.set(id, { ...(this.#messages.get(id) as Answer), ...change });
  }

  /** Sends an answer's log; its message is whole once the log was sent. */
  async #write(id: string, afterSeq: number, socket: Socket): Promise<void> {
    const log: TurnEvent[] = [
      ...this.pieces.map((text) => ({ type: "delta", text }) as const),
      {
        type: "finish",
        reason: "stop",
        timings: { routeMs: 1, firstTokenMs: 1, totalMs: 2 },
        tokens: { prompt: 1, cached: 0, completion: 1 },
      },
    ];
    for (const [index, event] of log.entries()) {
      if (index < afterSeq) continue;
      if (this.pieceMs > 0) await new Promise((resolve) => setTimeout(resolve, this.pieceMs));
      socket.emit("generation", { generationId: id, seq: index + 1, event });
    }
    const answer = this.#messages.get(id) as Answer;
    if (answer.status === "streaming") this.#change(id, log.reduce(applyTurnEvent, answer));
  }
}
