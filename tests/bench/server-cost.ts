import type { Database } from "../../db/index.ts";
import { EventLog } from "../../server/chat/index.ts";
import type { TurnEvent } from "../../server/protocol/index.ts";
import { createRouter, loadHead } from "../../server/routing/index.ts";
import type { Context } from "./context.ts";

/** What choosing the expert of a turn takes, in ms. */
export async function routingMs({ config, adapters }: Context, questions: string[]): Promise<number> {
  const adapterIds = adapters.map(({ summary }) => summary.id);
  const router = createRouter(await loadHead({ ...config, adapterIds, encoder: null }));
  const startedAt = performance.now();
  for (const text of questions) await router.route({ turns: [{ role: "user", text }], previous: null });
  return (performance.now() - startedAt) / questions.length;
}

/**
 * Writes every event of the answers in this database into the log once more, one after the other: those that come at once
 * are stored together and take less.
 */
export async function eventLogCost(db: Database): Promise<{ msPerEvent: number; eventsPerToken: number }> {
  const rows = await db.selectFrom("generation_events").selectAll().orderBy("seq").execute();
  const events = rows.map(({ generation_id, payload }) => ({
    id: generation_id,
    event: JSON.parse(payload) as TurnEvent,
  }));
  const log = new EventLog(db);
  for (const id of new Set(events.map((logged) => logged.id))) log.begin(id);
  await db.deleteFrom("generation_events").execute();
  const startedAt = performance.now();
  for (const { id, event } of events) await log.append(id, event);
  const ms = performance.now() - startedAt;
  const tokens = events.reduce(
    (sum, { event }) => sum + (event.type === "finish" ? event.tokens.completion : 0),
    0,
  );
  return { msPerEvent: ms / events.length, eventsPerToken: events.length / tokens };
}
