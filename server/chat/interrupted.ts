import { type Database, endGeneration, listEvents, listStreaming } from "../../db/index.ts";
import type { TurnEvent } from "../protocol/index.ts";

export const interruption: Extract<TurnEvent, { type: "error" }> = {
  type: "error",
  code: "interrupted",
  message: "The server stopped while this answer was being written. What had been written is kept.",
};

/** Closes the log of a generation whose writer is gone; what was generated becomes the answer's text. */
export async function closeInterrupted(db: Database, generationId: string, now: string): Promise<void> {
  const events = await listEvents(db, generationId, 0);
  const text = events.map(({ event }) => (event.type === "delta" ? event.text : "")).join("");
  const seq = (events.at(-1)?.seq ?? 0) + 1;
  const { code, message } = interruption;
  const ending = {
    status: "interrupted",
    text,
    timings: null,
    tokens: null,
    cost: null,
    error: { code, message },
  } as const;
  await endGeneration(db, generationId, { seq, event: interruption }, ending, now);
}

/** At start nothing can be running: whatever the database calls streaming was cut off. */
export async function closeAllInterrupted(db: Database, now: string): Promise<number> {
  const ids = await listStreaming(db);
  for (const id of ids) await closeInterrupted(db, id, now);
  return ids.length;
}
