import { z } from "zod";
import { Decision, Expert, Id, Timings, TokenCounts } from "./resources.ts";

const TokenChance = z.object({
  /** Its text; U+FFFD stands for a part of a character. */
  token: z.string(),
  /** Natural logarithm of its probability among all tokens, before anything that sampling does. */
  logprob: z.number(),
});

/** How likely a token of an answer was, and the likeliest tokens in its place, likeliest first. */
export const TokenLogprob = TokenChance.extend({ top: z.array(TokenChance) });
export type TokenLogprob = z.infer<typeof TokenLogprob>;

/**
 * The life of one answer, as it is written to the log and as clients receive it, live or replayed:
 * route, queued…, start, delta…, then finish or error, each with the next sequence number, from 1.
 */
export const TurnEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("route"), decision: Decision, expert: Expert }),
  /** Others are before it: `ahead` answers will start first. */
  z.object({ type: z.literal("queued"), ahead: z.number() }),
  z.object({
    type: z.literal("start"),
    promptTokens: z.number(),
    cachedTokens: z.number(),
    droppedTurns: z.number(),
    /** Where another answers than the one who was chosen: a model elsewhere, perhaps without the adapter. */
    expert: Expert.optional(),
  }),
  z.object({
    type: z.literal("delta"),
    text: z.string(),
    /** Of the tokens that end in this text; where they were asked for. */
    logprobs: z.array(TokenLogprob).optional(),
  }),
  z.object({
    type: z.literal("finish"),
    /** `stop`: the model was done; `length`: it reached the limit; `stopped`: somebody pressed stop. */
    reason: z.enum(["stop", "length", "stopped"]),
    timings: Timings,
    tokens: TokenCounts,
    cost: z.number().optional(),
  }),
  z.object({ type: z.literal("error"), code: z.string(), message: z.string() }),
]);
export type TurnEvent = z.infer<typeof TurnEvent>;

/** A log entry on its way to a client. */
export const LoggedEvent = z.object({
  generationId: Id,
  /** From 1, without gaps. */
  seq: z.number().int().min(1),
  event: TurnEvent,
});
export type LoggedEvent = z.infer<typeof LoggedEvent>;
