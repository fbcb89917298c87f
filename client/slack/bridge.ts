import { App, type Logger, LogLevel, type ReceiverEvent, type webApi } from "@slack/bolt";
import {
  BridgeStore,
  type ChatVote,
  type PatchbayAddress,
  People,
  parseCommand,
  runCommand,
  Turns,
  Votes,
} from "../bridge/index.ts";
import { PatchbayError } from "../sdk/index.ts";
import { SlackAnswerPost, Workspace } from "./answer-post.ts";
import { VOTE_ACTION } from "./blocks.ts";
import { slackError, slackRefusal } from "./live-message.ts";
import type { SlackSettings } from "./settings.ts";
import { plainText } from "./text.ts";

export interface SlackBridgeOptions {
  slack: SlackSettings;
  patchbay: PatchbayAddress;
  /** SQLite file that the bridge keeps. */
  storeFile: string;
  log: (line: string) => void;
}

const HELP = [
  "Mention me in a channel or write to me directly; a thread is a conversation.",
  "• `/patchbay pin support`: one expert answers you in this channel",
  "• `/patchbay unpin`: the router chooses again",
  "• `/patchbay experts`: who there is",
  "The thumbs below an answer, or a :+1: or :-1: on it, teach the experts. Only whoever asked can rate.",
].join("\n");

const THUMBS: Record<string, 1 | -1> = { "+1": 1, thumbsup: 1, "-1": -1, thumbsdown: -1 };

/** A Slack workspace in front of a Patchbay server. */
export class SlackBridge {
  readonly #options: SlackBridgeOptions;
  readonly #app: App;
  readonly #store: BridgeStore;
  readonly #people: People;
  readonly #turns: Turns;
  readonly #votes: Votes;

  /** @throws {PatchbayError} what is wrong with Slack's tokens, the server or its key */
  static async start(options: SlackBridgeOptions): Promise<SlackBridge> {
    const store = new BridgeStore(options.storeFile);
    const people = new People(options.patchbay, store);
    const app = newApp(options);
    try {
      // A wrong key or token is told before anybody asks.
      await people.as("", (client) => client.call("adapters", {}));
      const self = await app.client.auth.test();
      await app.init();
      const bridge = new SlackBridge(
        options,
        app,
        store,
        people,
        new Workspace(app.client, self.team_id ?? "", options.log),
      );
      bridge.#listen(self.user_id);
      await (options.slack.events.by === "http" ? app.start(options.slack.events.port) : app.start());
      bridge.#turns.resume();
      bridge.#votes.resume();
      return bridge;
    } catch (error) {
      people.close();
      store.close();
      throw refusalBySlack(error) ?? error;
    }
  }

  private constructor(
    options: SlackBridgeOptions,
    app: App,
    store: BridgeStore,
    people: People,
    workspace: Workspace,
  ) {
    this.#options = options;
    this.#app = app;
    this.#store = store;
    this.#people = people;
    const { log } = options;
    this.#votes = new Votes({ store, people, log });
    this.#turns = new Turns({
      store,
      people,
      log,
      post: (turn, record) => new SlackAnswerPost(workspace, turn, record),
      refusalIn: slackRefusal,
    });
  }

  async close(): Promise<void> {
    await this.#app.stop();
    this.#votes.close();
    await this.#turns.close();
    this.#people.close();
    this.#store.close();
  }

  #listen(botUserId: string | undefined): void {
    const app = this.#app;
    app.event("app_mention", async ({ event }) => this.#ask(event, botUserId));
    app.event("message", async ({ event }) => {
      // Mentions come by themselves; edits, joins and other bots' words ask nothing.
      const asks = [undefined, "file_share", "thread_broadcast"].includes(event.subtype);
      if (asks && event.channel_type === "im" && !("bot_id" in event && event.bot_id))
        this.#ask(event, botUserId);
    });
    app.action(new RegExp(`^${VOTE_ACTION}`), async ({ ack, body, action, client }) => {
      await ack();
      if (body.type !== "block_actions" || !("value" in action) || !body.channel || !body.message) return;
      const value = action.value === "1" ? 1 : -1;
      const at = "action_ts" in action ? action.action_ts : "";
      const [place, post, author] = [body.channel.id, body.message.ts, body.user.id];
      const reply = await this.#vote({ place, post, author, value, act: "give", at });
      const thread_ts: string = body.message.thread_ts ?? post;
      await client.chat.postEphemeral({ channel: place, user: author, thread_ts, text: reply });
    });
    for (const act of ["give", "take-back"] as const)
      app.event(act === "give" ? "reaction_added" : "reaction_removed", async ({ event }) => {
        const value = THUMBS[event.reaction.split("::")[0] ?? ""];
        if (value === undefined || event.item.type !== "message") return;
        const { channel: place, ts: post } = event.item;
        this.#votes
          .take({ place, post, author: event.user, value, act, at: event.event_ts })
          .catch((error) => this.#options.log(`a vote was not saved: ${error.message}`));
      });
    app.command("/patchbay", async ({ command, ack, respond }) => {
      await ack();
      const where = { place: command.channel_id, author: command.user_id };
      const parsed = parseCommand(command.text) ?? { type: "help" };
      const deps = { store: this.#store, people: this.#people, help: HELP };
      await respond({
        response_type: "ephemeral",
        text: await runCommand(parsed, where, deps).catch(inWords),
      });
    });
    app.error(async (error) => {
      this.#options.log(`Slack: ${error.message}`);
      // What could not be stored is not acknowledged either.
      throw error;
    });
  }

  #ask(
    event: {
      channel: string;
      ts: string;
      thread_ts?: string;
      user?: string | undefined;
      text?: string | undefined;
    },
    botUserId: string | undefined,
  ): void {
    const { channel: place, ts, thread_ts, user: author } = event;
    const text = plainText(event.text ?? "", botUserId);
    if (!author || author === botUserId) return;
    if (text === "")
      return void this.#app.client.chat
        .postEphemeral({ channel: place, user: author, thread_ts: thread_ts ?? ts, text: HELP })
        .catch((error) => this.#options.log(`Slack: ${error}`));
    this.#turns.take({ place, id: ts, thread: thread_ts ?? ts, author, askedAt: ts, text });
  }

  async #vote(given: ChatVote): Promise<string> {
    try {
      const result = await this.#votes.take(given);
      return {
        saved: given.value === 1 ? "Saved: thumbs up." : "Saved: thumbs down.",
        outdated: "A newer vote of yours counts.",
        "no-answer": "This is no answer that can be rated.",
        "not-asked-by-you": "Only whoever asked can rate this answer.",
      }[result];
    } catch (error) {
      return inWords(error);
    }
  }
}

/** Acknowledges events once its listeners have stored what they hear: what is not acknowledged, Slack sends again. */
class StoringApp extends App {
  override async processEvent(event: ReceiverEvent): Promise<void> {
    if (event.body.type !== "event_callback") return super.processEvent(event);
    // Bolt acknowledges events before its listeners hear of them.
    await super.processEvent({ ...event, ack: async () => undefined });
    await event.ack();
  }
}

function newApp({ slack, log }: SlackBridgeOptions): App {
  const { botToken: token, apiUrl, events } = slack;
  return new StoringApp({
    token,
    ...(events.by === "socket"
      ? { socketMode: true, appToken: events.appToken }
      : { signingSecret: events.signingSecret }),
    // Wrong tokens are reported by init and start, not by an unhandled rejection.
    deferInitialization: true,
    logger: loggerTo(log),
    clientOptions: { ...(apiUrl && { slackApiUrl: apiUrl }) } satisfies webApi.WebClientOptions,
  });
}

/** Warnings and errors of Slack's libraries, as lines. */
function loggerTo(log: (line: string) => void): Logger {
  const write = (...parts: unknown[]) => log(`Slack: ${parts.map(String).join(" ")}`);
  const ignore = () => undefined;
  return {
    debug: ignore,
    info: ignore,
    warn: write,
    error: write,
    setLevel: ignore,
    getLevel: () => LogLevel.WARN,
    setName: ignore,
  };
}

function refusalBySlack(error: unknown): PatchbayError | null {
  const reason = slackError(error);
  if (reason === null) return null;
  return new PatchbayError("not-signed-in", `Slack refuses: ${reason}.`, {
    hint: "Check SLACK_BOT_TOKEN and SLACK_APP_TOKEN: they belong to one app that is installed in the workspace.",
    cause: error,
  });
}

const inWords = (error: unknown): string =>
  error instanceof PatchbayError
    ? `${error.message}${error.hint ? ` ${error.hint}` : ""}`
    : "Something went wrong here.";
