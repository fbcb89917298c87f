import type { types, webApi } from "@slack/bolt";
import type { Turn } from "../bridge/index.ts";

type KnownBlock = types.KnownBlock;

/** A message that grows: the text given is always the whole of it. */
export interface LiveMessage {
  readonly ts: string;
  write(markdown: string): Promise<void>;
  /** Shows the last text with `blocks` below it. @throws with Slack's `invalid_blocks`, and can then be tried again */
  finish(markdown: string, blocks: KnownBlock[]): Promise<void>;
}

/** Slack's own name of what went wrong, or null where it was not Slack that refused. */
export const slackError = (error: unknown): string | null =>
  (error as Partial<webApi.WebAPIPlatformError> | null)?.data?.error ?? null;

/** What Slack says of trouble of its own: https://docs.slack.dev/reference/methods/chat.postMessage#errors */
const TROUBLE = ["internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited"];

/** Slack's name of what it would refuse again; null where the same call may go well another time. */
export function slackRefusal(error: unknown): string | null {
  const reason = slackError(error);
  return reason === null || TROUBLE.includes(reason) ? null : reason;
}

/**
 * A message that Slack streams: https://docs.slack.dev/reference/methods/chat.startStream
 * Where Slack has ended the stream by itself, what is missing is written by an edit.
 */
export class StreamedMessage implements LiveMessage {
  readonly ts: string;
  readonly #client: webApi.WebClient;
  readonly #channel: string;
  #sent: string;

  private constructor(client: webApi.WebClient, channel: string, ts: string, sent: string) {
    this.#client = client;
    this.#channel = channel;
    this.ts = ts;
    this.#sent = sent;
  }

  static async start(
    client: webApi.WebClient,
    turn: Turn,
    team: string,
    markdown: string,
  ): Promise<StreamedMessage> {
    const { ts } = await client.chat.startStream({
      channel: turn.place,
      thread_ts: turn.thread,
      recipient_user_id: turn.author,
      recipient_team_id: team,
      markdown_text: markdown,
    });
    return new StreamedMessage(client, turn.place, ts ?? "", markdown);
  }

  async write(markdown: string): Promise<void> {
    const rest = markdown.slice(this.#sent.length);
    if (rest === "") return;
    await this.#client.chat.appendStream({ channel: this.#channel, ts: this.ts, markdown_text: rest });
    this.#sent = markdown;
  }

  async finish(markdown: string, blocks: KnownBlock[]): Promise<void> {
    const rest = markdown.slice(this.#sent.length);
    try {
      await this.#client.chat.stopStream({
        channel: this.#channel,
        ts: this.ts,
        ...(rest && { markdown_text: rest }),
        blocks,
      });
    } catch (error) {
      if (slackError(error) !== "message_not_in_streaming_state") throw error;
      await new EditedMessage(this.#client, this.#channel, this.ts).finish(markdown, blocks);
    }
  }
}

/** A message that is edited as it grows, in workspaces without streaming and after a restart. */
export class EditedMessage implements LiveMessage {
  readonly ts: string;
  readonly #client: webApi.WebClient;
  readonly #channel: string;

  constructor(client: webApi.WebClient, channel: string, ts: string) {
    this.#client = client;
    this.#channel = channel;
    this.ts = ts;
  }

  static async post(client: webApi.WebClient, turn: Turn, markdown: string): Promise<EditedMessage> {
    const { ts } = await client.chat.postMessage({
      channel: turn.place,
      thread_ts: turn.thread,
      markdown_text: markdown,
    });
    return new EditedMessage(client, turn.place, ts ?? "");
  }

  /** Goes on with a message of an earlier run, which may still be streaming. */
  static async resume(client: webApi.WebClient, channel: string, ts: string): Promise<EditedMessage> {
    await client.chat.stopStream({ channel, ts }).catch((error) => {
      // It was edited all along, or Slack has ended the stream.
      if (slackRefusal(error) === null) throw error;
    });
    return new EditedMessage(client, channel, ts);
  }

  async write(markdown: string): Promise<void> {
    await this.#client.chat.update({ channel: this.#channel, ts: this.ts, markdown_text: markdown });
  }

  async finish(markdown: string, blocks: KnownBlock[]): Promise<void> {
    await this.#client.chat.update({
      channel: this.#channel,
      ts: this.ts,
      text: markdown,
      blocks: [...(markdown ? [{ type: "markdown", text: markdown } as const] : []), ...blocks],
    });
  }
}
