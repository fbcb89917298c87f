import { z } from "zod";
import { Decision, Expert, Id, Timings, TokenCounts } from "./resources.ts";

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
  }),
  z.object({ type: z.literal("delta"), text: z.string() }),
  z.object({
    type: z.literal("finish"),
    /** `stop`: the model was done; `length`: it reached the limit; `stopped`: somebody pressed stop. */
    reason: z.enum(["stop", "length", "stopped"]),
    timings: Timings,
    tokens: TokenCounts,
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
