import type { webApi } from "@slack/bolt";
import { type AnswerPost, Pace, type Shown, type Turn } from "../bridge/index.ts";
import { type Answer, type PatchbayError, waitingSentence } from "../sdk/index.ts";
import { blocksBelow, failureBlocks } from "./blocks.ts";
import { EditedMessage, type LiveMessage, StreamedMessage, slackError } from "./live-message.ts";
import { pages } from "./text.ts";

/** Of these a workspace will not change its mind; other errors concern one message alone. */
const LACKS = ["unknown_method", "feature_not_enabled", "missing_scope"];

/**
 * What one workspace can do and bear, learnt from its replies. Slack allows about 50 edits (tier 3) and 100 stream
 * pieces (tier 4) a minute for all messages of an app together: https://docs.slack.dev/apis/web-api/rate-limits
 */
export class Workspace {
  readonly client: webApi.WebClient;
  readonly team: string;
  readonly log: (line: string) => void;
  streams = true;
  thumbs: "feedback" | "buttons" = "feedback";
  statuses = true;
  readonly pace = { edit: new Pace(1_250), append: new Pace(650) };

  constructor(client: webApi.WebClient, team: string, log: (line: string) => void) {
    this.client = client;
    this.team = team;
    this.log = log;
  }
}

/** An answer in its thread, written as it comes: streamed where the workspace can, by edits where it cannot. */
export class SlackAnswerPost implements AnswerPost {
  readonly #workspace: Workspace;
  readonly #turn: Turn;
  readonly #record: (shown: Shown) => void;
  #message: LiveMessage | null = null;
  #latest = "";
  #written = "";
  #writing: Promise<void> | null = null;
  /** Whether it is shown as it grows. After a restart it is not: the message holds more than the replay has reached. */
  #live: boolean;
  #ended = false;
  #status = "";

  constructor(workspace: Workspace, turn: Turn, record: (shown: Shown) => void) {
    this.#workspace = workspace;
    this.#turn = turn;
    this.#record = record;
    this.#live = turn.post === null;
    this.#say("is thinking…");
  }

  async update(answer: Answer): Promise<void> {
    if (answer.ahead !== null) this.#say(waitingSentence(answer.ahead));
    this.#latest = pages(answer.text)[0] ?? "";
    if (this.#latest === "" || !this.#live) return;
    this.#writing ??= this.#writeOn()
      .catch((error) => {
        this.#live = false;
        this.#workspace.log(`an answer will be shown when it is whole: ${error}`);
      })
      .finally(() => {
        this.#writing = null;
      });
    await this.#writing;
  }

  async end(answer: Answer, notice: string | null): Promise<void> {
    this.#ended = true;
    await this.#writing;
    for (const [page, text] of pages(answer.text).entries()) {
      // An earlier try has posted it.
      if (page < this.#turn.pages) continue;
      if (page === 0) await this.#finish(text, (thumbs) => blocksBelow(answer, notice, thumbs));
      else await EditedMessage.post(this.#workspace.client, this.#turn, text);
      this.#record({ pages: page + 1 });
    }
  }

  async fail(error: PatchbayError): Promise<void> {
    this.#ended = true;
    await this.#writing;
    // Pages of the answer that stand stay.
    if (this.#turn.pages > 0)
      await EditedMessage.post(this.#workspace.client, this.#turn, `:warning: ${error.message}`);
    else await this.#finish(this.#latest, () => failureBlocks(error));
  }

  /** Writes until there is nothing new: what came while Slack answered goes out with the next call. */
  async #writeOn(): Promise<void> {
    const { edit, append } = this.#workspace.pace;
    while (!this.#ended && this.#latest !== this.#written) {
      const text = this.#latest;
      const message = this.#message;
      if (message) {
        const pace = message instanceof StreamedMessage ? append : edit;
        await pace.run(async () => {
          if (!this.#ended) await message.write(text);
        });
      } else {
        this.#message = await this.#start(text);
        this.#record({ post: this.#message.ts });
      }
      this.#written = text;
    }
  }

  async #start(text: string): Promise<LiveMessage> {
    const { client, team, log } = this.#workspace;
    if (this.#workspace.streams)
      try {
        return await StreamedMessage.start(client, this.#turn, team, text);
      } catch (error) {
        const reason = slackError(error);
        if (reason === null) throw error;
        this.#workspace.streams = !LACKS.includes(reason);
        log(`no streaming here (${reason}); answers are edited in place`);
      }
    return EditedMessage.post(client, this.#turn, text);
  }

  async #finish(
    text: string,
    below: (thumbs: Workspace["thumbs"]) => ReturnType<typeof blocksBelow>,
  ): Promise<void> {
    const { client } = this.#workspace;
    this.#message ??= this.#turn.post
      ? await EditedMessage.resume(client, this.#turn.place, this.#turn.post)
      : await this.#postNow(text);
    try {
      await this.#message.finish(text, below(this.#workspace.thumbs));
    } catch (error) {
      if (slackError(error) !== "invalid_blocks") throw error;
      this.#workspace.thumbs = "buttons";
      await this.#message.finish(text, below("buttons"));
    }
  }

  /** For what ended before a piece of it was shown: an answer in one go, or a failure without a text. */
  async #postNow(text: string): Promise<LiveMessage> {
    const message = await EditedMessage.post(this.#workspace.client, this.#turn, text || "…");
    this.#record({ post: message.ts });
    return message;
  }

  /** The line below the thread's composer that says what is going on. Nothing depends on it. */
  #say(status: string): void {
    if (!this.#workspace.statuses || status === this.#status) return;
    this.#status = status;
    const { place, thread } = this.#turn;
    this.#workspace.client.assistant.threads
      .setStatus({ channel_id: place, thread_ts: thread, status })
      .catch((error) => {
        const reason = slackError(error);
        if (reason !== null && LACKS.includes(reason)) this.#workspace.statuses = false;
        this.#workspace.log(`no status line here (${reason ?? error})`);
      });
  }
}
