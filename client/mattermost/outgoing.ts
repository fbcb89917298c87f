import { timingSafeEqual } from "node:crypto";
import { z } from "zod";

const text = z.string().max(64_000);
const id = z.string().min(1).max(128);

/**
 * What an outgoing webhook sends, as JSON or as a form: Mattermost's fields, which are Slack's with a `post_id`; others
 * send Slack's without one.
 */
export const OutgoingMessage = z.object({
  token: text,
  team_id: id.optional(),
  channel_id: id,
  channel_name: text.optional(),
  user_id: id,
  user_name: text.default(""),
  /** Mattermost: ms as a number in JSON, s in a form. Slack: s with a fraction. */
  timestamp: z.coerce.string(),
  post_id: id.optional(),
  thread_ts: id.optional(),
  text,
  trigger_word: text.nullish(),
});
export type OutgoingMessage = z.infer<typeof OutgoingMessage>;

/** What is asked: the text without the word that called the bridge. */
export function askedText({ text: written, trigger_word: trigger }: OutgoingMessage): string {
  const asked = trigger && written.startsWith(trigger) ? written.slice(trigger.length) : written;
  return asked.replace(/^[\s,:]+/, "").trim();
}

/** The channel, by ids: channels of two teams may have one name. */
export const placeOf = ({ team_id, channel_id }: OutgoingMessage): string =>
  team_id === undefined ? channel_id : `${team_id}/${channel_id}`;

/** Ids of services without any are made of what one message alone has. */
export const messageId = ({ post_id, timestamp, user_id }: OutgoingMessage): string =>
  (post_id ?? `${timestamp}-${user_id}`).slice(0, 64);

/** Compares without telling by its time how much was right. */
export function isKnownToken(token: string, known: readonly string[]): boolean {
  return known.some((other) => {
    const [a, b] = [Buffer.from(token), Buffer.from(other)];
    return a.length === b.length && timingSafeEqual(a, b);
  });
}
