import { z } from "zod";
import { limits } from "./limits.ts";

/** ULIDs, made by the server only: https://github.com/ulid/spec */
export const Id = z.string().regex(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/, "not an id");

/** An adapter's id, which is also its folder's name. `base` means the base model without an adapter. */
export const AdapterId = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, "lower-case letters, digits and dashes");
export const BASE = "base";

/** What the router decided for a turn, and why. Confidences are probabilities from 0 to 1. */
export const Decision = z.object({
  domain: AdapterId,
  confidence: z.number(),
  runnerUp: z.object({ domain: AdapterId, confidence: z.number() }).nullable(),
  /** The words that spoke for the choice, for people. */
  reason: z.string(),
  /** Those words with their weight (logit contribution against the runner-up), strongest first. */
  evidence: z.array(z.object({ feature: z.string(), weight: z.number() })),
  /** Who was close to being chosen, to be offered beside; null where nobody was. */
  alternative: AdapterId.nullable(),
  /** Whether it knew what the turn means, or went by its words alone; null where nobody had to be chosen. */
  heard: z.enum(["words", "meaning"]).nullable(),
  /** Version of the classifier's head. */
  head: z.string(),
  pinned: z.boolean(),
});
export type Decision = z.infer<typeof Decision>;

/**
 * Who answers: an adapter at a version, or the base model, whose `version` and `sha256` are null: in its own name (id
 * `base`), or under the prompt of a domain that has no version for it. With `remote`, a model elsewhere does, with the
 * domain's system prompt; through the adapter where there is a version.
 */
export const Expert = z.object({
  id: AdapterId,
  title: z.string(),
  version: z.string().nullable(),
  sha256: z.string().nullable(),
  remote: z.object({ engine: z.string(), model: z.string() }).optional(),
});
export type Expert = z.infer<typeof Expert>;

/** An adapter as the page and the CLI show it. */
export const AdapterSummary = z.object({
  id: AdapterId,
  title: z.string(),
  description: z.string(),
  /** CSS colour of its jack and cable. */
  colour: z.string(),
  /** null: no version fits the model that runs, which answers under the domain's prompt alone. */
  version: z.string().nullable(),
  /** The command that trains a version for the model that runs; null where there is one. */
  train: z.string().nullable(),
  /** Questions that show what it is for. */
  examples: z.array(z.string()),
  /** A quiet standing line under its answers, such as what they are not. */
  notice: z.string().nullable(),
});
export type AdapterSummary = z.infer<typeof AdapterSummary>;

/** What an API key may be used for; a key without `chat` opens no conversation either. */
export const Scope = z.enum(["chat", "embeddings", "feedback", "metrics"]);
export type Scope = z.infer<typeof Scope>;
/** Of a key for which no scopes were named. Metrics tell of everybody, so they have to be named. */
export const usualScopes: Scope[] = Scope.options.filter((scope) => scope !== "metrics");

export const VoteReason = z.enum([
  "wrong",
  "unhelpful",
  "unsafe",
  "too-long",
  "off-topic",
  "helpful",
  "clear",
  "friendly",
]);
export type VoteReason = z.infer<typeof VoteReason>;

export const VoteInput = z.object({
  value: z.union([z.literal(1), z.literal(-1)]),
  reasons: z.array(VoteReason).max(8).default([]),
  comment: z.string().trim().max(limits.commentChars).default(""),
  /** The answer the person would have wanted. */
  correction: z.string().trim().max(limits.messageChars).default(""),
});
export const Vote = VoteInput.extend({ updatedAt: z.string() });
export type Vote = z.infer<typeof Vote>;

/** What somebody says of a question that the router sent to the wrong expert. */
export const RouteCorrection = z.object({
  /** Whom it belongs to; `base`: none of the experts. */
  expert: AdapterId,
  /** A rollback of the router left it out: it counts again once it is given again. */
  setAside: z.boolean(),
  updatedAt: z.string(),
});
export type RouteCorrection = z.infer<typeof RouteCorrection>;

export const Timings = z.object({
  routeMs: z.number(),
  firstTokenMs: z.number().nullable(),
  totalMs: z.number(),
});
export type Timings = z.infer<typeof Timings>;

/** Tokens of a turn: the prompt's, those of them found in the KV cache, and the answer's. */
export const TokenCounts = z.object({ prompt: z.number(), cached: z.number(), completion: z.number() });
export type TokenCounts = z.infer<typeof TokenCounts>;

/**
 * How an answer stands. `streaming` is the one state that changes; the text of the others is final.
 * `interrupted`: the server or the model process ended before the answer did; what was generated is kept.
 */
export const AnswerStatus = z.enum(["streaming", "complete", "cut-off", "stopped", "failed", "interrupted"]);
export type AnswerStatus = z.infer<typeof AnswerStatus>;

const messageBase = {
  id: Id,
  conversationId: Id,
  parentId: Id.nullable(),
  text: z.string(),
  createdAt: z.string(),
};
export const Question = z.object({
  ...messageBase,
  role: z.literal("user"),
  clientId: z.string().nullable(),
  /** This person's own. */
  routeCorrection: RouteCorrection.nullable(),
});
export const Answer = z.object({
  ...messageBase,
  role: z.literal("assistant"),
  generationId: Id,
  status: AnswerStatus,
  /** Answers that will start before this one; null where it is not waiting, or no longer. Replayed from the log. */
  ahead: z.number().nullable(),
  expert: Expert.nullable(),
  decision: Decision.nullable(),
  /** Turns that no longer fitted into the context and were left out of the prompt, oldest first. */
  droppedTurns: z.number(),
  timings: Timings.nullable(),
  tokens: TokenCounts.nullable(),
  /** In the currency of the engine's price; null where it has none. */
  cost: z.number().nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  vote: Vote.nullable(),
});
export const Message = z.discriminatedUnion("role", [Question, Answer]);
export type Question = z.infer<typeof Question>;
export type Answer = z.infer<typeof Answer>;
export type Message = z.infer<typeof Message>;

export const Conversation = z.object({
  id: Id,
  title: z.string(),
  /** Adapter id that answers every turn, or null where the router decides. */
  pinned: AdapterId.nullable(),
  /** Last message of the branch that is shown; null in an empty conversation. */
  activeLeafId: Id.nullable(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type Conversation = z.infer<typeof Conversation>;
