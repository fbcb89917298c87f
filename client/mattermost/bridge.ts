import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type ErrorRequestHandler, type Response } from "express";
import {
  BridgeStore,
  type ChatQuestion,
  type PatchbayAddress,
  People,
  parseCommand,
  runCommand,
  type Turn,
  Turns,
  Votes,
} from "../bridge/index.ts";
import { PatchbayError } from "../sdk/index.ts";
import { WebhookAnswerPost } from "./answer-post.ts";
import { postIncoming, webhookRefusal } from "./incoming.ts";
import { askedText, isKnownToken, messageId, OutgoingMessage, placeOf } from "./outgoing.ts";
import type { MattermostSettings } from "./settings.ts";

export interface MattermostBridgeOptions {
  mattermost: MattermostSettings;
  patchbay: PatchbayAddress;
  /** SQLite file that the bridge keeps. */
  storeFile: string;
  log: (line: string) => void;
  /** How long a request may wait for its answer, in ms; Mattermost itself gives up after 30 s. */
  replyMs?: number;
}

const HELP = [
  "Ask with the trigger word first; what you ask in a channel is one conversation.",
  "- `new`: begin another conversation",
  "- `up`, `down` and a comment if you like: rate the last answer to you",
  "- `pin support`: one expert answers you in this channel; `unpin`: the router chooses again",
  "- `experts`: who there is",
].join("\n");

/** Mattermost, or anything with Slack's webhooks, in front of a Patchbay server. */
export class MattermostBridge {
  readonly #options: MattermostBridgeOptions;
  readonly #store: BridgeStore;
  readonly #people: People;
  readonly #turns: Turns;
  readonly #votes: Votes;
  readonly #http: Server;
  /** Requests that wait for the answer to their question, by its id. */
  readonly #waiting = new Map<string, (text: string) => boolean>();

  static async start(options: MattermostBridgeOptions): Promise<MattermostBridge> {
    const bridge = new MattermostBridge(options);
    try {
      // A wrong key is told before anybody asks.
      await bridge.#people.as("", (client) => client.call("adapters", {}));
      const { host, port } = options.mattermost;
      await once(bridge.#http.listen(port, host), "listening");
    } catch (error) {
      await bridge.close();
      throw error;
    }
    bridge.#turns.resume();
    bridge.#votes.resume();
    return bridge;
  }

  private constructor(options: MattermostBridgeOptions) {
    this.#options = options;
    const store = new BridgeStore(options.storeFile);
    const people = new People(options.patchbay, store);
    const { log } = options;
    this.#store = store;
    this.#people = people;
    this.#votes = new Votes({ store, people, log });
    this.#turns = new Turns({
      store,
      people,
      log,
      post: (turn, record) =>
        new WebhookAnswerPost(
          (text) => this.#deliver(turn, text),
          () => record({ post: turn.id }),
        ),
      refusalIn: webhookRefusal,
    });
    const app = express().disable("x-powered-by");
    app.use(express.json({ limit: "128kb" }), express.urlencoded({ limit: "128kb", extended: false }));
    app.post("/{*path}", (request, response) => this.#receive(request.body, response));
    app.use(answerMalformed);
    this.#http = createServer(app);
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    if (this.#http.listening) await new Promise((resolve) => this.#http.close(resolve));
    this.#votes.close();
    await this.#turns.close();
    this.#people.close();
    this.#store.close();
  }

  async #receive(body: unknown, response: Response): Promise<void> {
    const parsed = OutgoingMessage.safeParse(body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return void response.status(400).json({ text: `${issue?.path.join(".")}: ${issue?.message}` });
    }
    const message = parsed.data;
    if (!isKnownToken(message.token, this.#options.mattermost.tokens))
      return void response.status(401).json({ text: "This webhook's token is not in MATTERMOST_TOKEN." });
    const text = askedText(message);
    const reply = await this.#command(message, text);
    if (reply !== null) return void response.json({ text: reply, response_type: "comment" });
    this.#ask(message, text, response);
  }

  #ask(message: OutgoingMessage, text: string, response: Response): void {
    const question = this.#questionOf(message, text);
    const key = JSON.stringify([question.place, question.id]);
    // Delivered again: the answer comes, or came, to the first delivery or through the incoming webhook.
    if (!this.#turns.take(question)) return void response.json({});
    const end = (body: object) => {
      clearTimeout(timer);
      this.#waiting.delete(key);
      response.json(body);
    };
    const timer = setTimeout(() => end({}), this.#options.replyMs ?? 20_000);
    this.#waiting.set(key, (answer) => {
      end({ text: answer, response_type: "comment" });
      return true;
    });
    response.on("close", () => {
      clearTimeout(timer);
      this.#waiting.delete(key);
    });
  }

  #questionOf(message: OutgoingMessage, text: string): ChatQuestion {
    const { user_id: author, timestamp, channel_name: channel } = message;
    const place = placeOf(message);
    const thread = message.thread_ts ?? this.#store.preferenceOf(place, author).thread ?? place;
    const askedAt = timestamp.padStart(20, "0");
    return { place, channel: channel || null, id: messageId(message), thread, author, askedAt, text };
  }

  /** As the reply to the request that asked, where it still waits; else through the incoming webhook. */
  async #deliver({ place, channel, id, text: asked }: Turn, text: string): Promise<void> {
    if (this.#waiting.get(JSON.stringify([place, id]))?.(text)) return;
    // It stands by itself there, so it says what it answers.
    const quote = asked.slice(0, 200).replace(/^/gm, "> ");
    await postIncoming(this.#options.mattermost.incomingUrl, {
      text: `${quote}\n\n${text}`,
      // Incoming webhooks know channels by their names.
      channel: channel ?? place,
    });
  }

  async #command(message: OutgoingMessage, text: string): Promise<string | null> {
    const { user_id: author } = message;
    const place = placeOf(message);
    const deps = { store: this.#store, people: this.#people, help: HELP };
    try {
      if (text === "new") {
        this.#store.prefer(place, author, { thread: messageId(message) });
        return "A new conversation begins with your next question.";
      }
      const [, thumb, comment = ""] = /^(up|down)(?:\s*[:,]\s*(.+))?$/s.exec(text) ?? [];
      if (thumb) return await this.#vote(message, thumb === "up" ? 1 : -1, comment);
      const command = text === "" ? ({ type: "help" } as const) : parseCommand(text);
      return command && (await runCommand(command, { place, author }, deps));
    } catch (error) {
      if (!(error instanceof PatchbayError)) throw error;
      return `:warning: ${error.message}${error.hint ? ` ${error.hint}` : ""}`;
    }
  }

  async #vote(message: OutgoingMessage, value: 1 | -1, comment: string): Promise<string> {
    const last = this.#store.lastAnswered(this.#questionOf(message, ""), "author");
    if (!last?.post) return "There is no answer to rate yet.";
    const { place, post, author } = { ...last, post: last.post };
    const at = message.timestamp.padStart(20, "0");
    await this.#votes.take({ place, post, author, value, act: "give", at, comment });
    return value === 1 ? "Saved: thumbs up." : "Saved: thumbs down.";
  }
}

const answerMalformed: ErrorRequestHandler = (error, _request, response, _next) => {
  const status = typeof error?.status === "number" ? error.status : 500;
  response
    .status(status)
    .json({ text: status < 500 ? "The request cannot be read." : "Something went wrong here." });
};
