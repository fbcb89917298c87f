import { z } from "zod";
import type { ErrorBody } from "./errors.ts";
import { limits } from "./limits.ts";
import {
  AdapterId,
  AdapterSummary,
  Answer,
  Conversation,
  Id,
  Message,
  Question,
  RouteCorrection,
  Vote,
  VoteInput,
} from "./resources.ts";
import { LoggedEvent } from "./turn-event.ts";

const title = z.string().trim().min(1, "empty title").max(limits.titleChars);
/** A conversation's pin or a single turn's choice: an adapter's id, `base`, or `auto` for the router. */
const choice = z.union([AdapterId, z.literal("auto")]);

/** What a client may send. Every event is acknowledged with {@link Ack}; the schemas are checked at the edge. */
export const clientEvents = {
  adapters: z.object({}),
  "conversation:list": z.object({}),
  "conversation:create": z.object({ title: title.optional(), pinned: choice.optional() }),
  "conversation:open": z.object({ conversationId: Id }),
  "conversation:rename": z.object({ conversationId: Id, title }),
  "conversation:pin": z.object({ conversationId: Id, pinned: choice }),
  "conversation:delete": z.object({ conversationId: Id }),
  /** Shows another branch: the leaf reached from `messageId` by its newest children. */
  "conversation:branch": z.object({ conversationId: Id, messageId: Id }),
  /** Appends a question below `parentId` (default: the active leaf) and starts its answer. `clientId` makes a repeat harmless. */
  "message:send": z.object({
    conversationId: Id,
    clientId: z.string().min(1).max(64),
    text: z.string().trim().min(1, "empty message").max(limits.messageChars),
    parentId: Id.nullable().optional(),
    adapter: choice.optional(),
  }),
  /** Writes another answer beside `messageId` (an answer), by the same or another adapter. */
  "message:regenerate": z.object({ messageId: Id, adapter: choice.optional() }),
  /** Idempotent: stopping what has ended changes nothing. */
  stop: z.object({ generationId: Id }),
  /** Replays the log after `afterSeq`, then follows it. */
  subscribe: z.object({ generationId: Id, afterSeq: z.number().int().min(0) }),
  unsubscribe: z.object({ generationId: Id }),
  "vote:set": VoteInput.extend({ messageId: Id }),
  "vote:retract": z.object({ messageId: Id }),
  /** Says who should have given an answer: one for each person and question, whichever of its answers it was said of. */
  "route:correct": z.object({ messageId: Id, expert: AdapterId }),
  "route:retract": z.object({ messageId: Id }),
} as const;

export type ClientEventName = keyof typeof clientEvents;
/** What a client sends: defaults may be left out. */
export type ClientEventInput<Name extends ClientEventName> = z.input<(typeof clientEvents)[Name]>;
/** What the server works with after parsing. */
export type ClientEventPayload<Name extends ClientEventName> = z.output<(typeof clientEvents)[Name]>;

/** What the acknowledgement of each event carries besides `ok`. */
export const replies = {
  adapters: z.object({ adapters: z.array(AdapterSummary) }),
  "conversation:list": z.object({ conversations: z.array(Conversation) }),
  "conversation:create": z.object({ conversation: Conversation }),
  "conversation:open": z.object({ conversation: Conversation, messages: z.array(Message) }),
  "conversation:rename": z.object({ conversation: Conversation }),
  "conversation:pin": z.object({ conversation: Conversation }),
  "conversation:delete": z.object({ conversationId: Id }),
  "conversation:branch": z.object({ conversation: Conversation }),
  "message:send": z.object({ conversation: Conversation, question: Question, answer: Answer }),
  "message:regenerate": z.object({ conversation: Conversation, answer: Answer }),
  stop: z.object({ stopped: z.boolean() }),
  subscribe: z.object({ generationId: Id }),
  unsubscribe: z.object({ generationId: Id }),
  "vote:set": z.object({ vote: Vote }),
  "vote:retract": z.object({}),
  "route:correct": z.object({ questionId: Id, correction: RouteCorrection }),
  "route:retract": z.object({ questionId: Id }),
} as const satisfies Record<ClientEventName, z.ZodType>;
export type Replies = { [Name in ClientEventName]: z.infer<(typeof replies)[Name]> };

export type Ack<Name extends ClientEventName> =
  | ({ ok: true } & Replies[Name])
  | { ok: false; error: ErrorBody };

/** Client → server, as socket.io types them. */
export type ClientToServerEvents = {
  [Name in ClientEventName]: (payload: ClientEventInput<Name>, ack: (reply: Ack<Name>) => void) => void;
};

/** Changes that a person's other tabs and devices follow. */
export const ConversationChange = z.discriminatedUnion("type", [
  z.object({ type: z.literal("saved"), conversation: Conversation }),
  z.object({ type: z.literal("deleted"), conversationId: Id }),
  z.object({ type: z.literal("message"), conversation: Conversation, message: Message }),
  z.object({ type: z.literal("vote"), conversationId: Id, messageId: Id, vote: Vote.nullable() }),
  /** Of the question `messageId`. */
  z.object({
    type: z.literal("route"),
    conversationId: Id,
    messageId: Id,
    correction: RouteCorrection.nullable(),
  }),
]);
export type ConversationChange = z.infer<typeof ConversationChange>;

/** What the server sends without being asked. */
export const serverEvents = {
  /** An answer that is followed has a new log entry. */
  generation: LoggedEvent,
  conversation: ConversationChange,
  /** An adapter was plugged in, swapped or removed: all that are there now. */
  adapters: replies.adapters,
} as const;

/** Server → client, as socket.io types them. */
export type ServerToClientEvents = {
  [Name in keyof typeof serverEvents]: (payload: z.infer<(typeof serverEvents)[Name]>) => void;
};
