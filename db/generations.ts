import type {
  AnswerStatus,
  Decision,
  Expert,
  Timings,
  TokenCounts,
  TurnEvent,
} from "../server/protocol/index.ts";
import { PatchbayError } from "../server/protocol/index.ts";
import { type Database, inTransaction } from "./open.ts";

/** @throws {PatchbayError} `not-found` where there is none or it answers somebody else. */
export async function ownGeneration(db: Database, userId: string, id: string) {
  const row = await db
    .selectFrom("generations")
    .innerJoin("messages", "messages.id", "generations.message_id")
    .innerJoin("conversations", "conversations.id", "messages.conversation_id")
    .select([
      "generations.id",
      "generations.status",
      "messages.id as messageId",
      "conversations.id as conversationId",
    ])
    .where("generations.id", "=", id)
    .where("conversations.user_id", "=", userId)
    .executeTakeFirst();
  if (!row) throw new PatchbayError("not-found", "There is no such answer.");
  return row;
}

export async function insertDecision(db: Database, generationId: string, decision: Decision): Promise<void> {
  await db
    .insertInto("route_decisions")
    .values({
      generation_id: generationId,
      domain: decision.domain,
      confidence: decision.confidence,
      runner_up: decision.runnerUp?.domain ?? null,
      runner_up_confidence: decision.runnerUp?.confidence ?? null,
      reason: decision.reason,
      evidence_json: JSON.stringify(decision.evidence),
      head: decision.head,
      pinned: decision.pinned ? 1 : 0,
      alternative: decision.alternative,
      heard: decision.heard,
    })
    .execute();
}

/** What a generation is made from, known once it is routed. */
export async function setGenerationInputs(
  db: Database,
  id: string,
  inputs: {
    expert: Expert;
    base: { name: string; sha256: string };
    promptSha256: string;
    messages: unknown;
    sampling: unknown;
    seed: number;
  },
): Promise<void> {
  await db
    .updateTable("generations")
    .set({
      expert_json: JSON.stringify(inputs.expert),
      base_name: inputs.base.name,
      base_sha256: inputs.base.sha256,
      prompt_sha256: inputs.promptSha256,
      prompt_json: JSON.stringify(inputs.messages),
      sampling_json: JSON.stringify(inputs.sampling),
      seed: inputs.seed,
    })
    .where("id", "=", id)
    .execute();
}

/** A model elsewhere answers instead of the one on this machine. */
export async function setAnsweredBy(
  db: Database,
  id: string,
  { expert, base }: { expert: Expert; base: { name: string; sha256: null } },
): Promise<void> {
  await db
    .updateTable("generations")
    .set({ expert_json: JSON.stringify(expert), base_name: base.name, base_sha256: base.sha256 })
    .where("id", "=", id)
    .execute();
}

/** The prompt as it was after the oldest turns had left. */
export async function setPromptSeen(
  db: Database,
  id: string,
  messages: unknown,
  droppedTurns: number,
): Promise<void> {
  await db
    .updateTable("generations")
    .set({ prompt_json: JSON.stringify(messages), dropped_turns: droppedTurns })
    .where("id", "=", id)
    .execute();
}

/** A generation's event, numbered from 1. */
export interface EventRow {
  generationId: string;
  seq: number;
  event: TurnEvent;
}

/** All of them or, where it throws, none. */
export async function insertEvents(db: Database, rows: readonly EventRow[]): Promise<void> {
  await db
    .insertInto("generation_events")
    .values(
      rows.map(({ generationId, seq, event }) => ({
        generation_id: generationId,
        seq,
        payload: JSON.stringify(event),
      })),
    )
    .execute();
}

export async function listEvents(
  db: Database,
  generationId: string,
  afterSeq: number,
): Promise<{ seq: number; event: TurnEvent }[]> {
  const rows = await db
    .selectFrom("generation_events")
    .select(["seq", "payload"])
    .where("generation_id", "=", generationId)
    .where("seq", ">", afterSeq)
    .orderBy("seq")
    .execute();
  return rows.map(({ seq, payload }) => ({ seq, event: JSON.parse(payload) }));
}

export interface Ending {
  status: Exclude<AnswerStatus, "streaming">;
  text: string;
  timings: Timings | null;
  tokens: TokenCounts | null;
  cost: number | null;
  error: { code: string; message: string } | null;
}

/** The last event, the answer's text and its status, in one transaction: after it the log is only history. */
export async function endGeneration(
  db: Database,
  id: string,
  last: Omit<EventRow, "generationId">,
  ending: Ending,
  now: string,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    await insertEvents(trx, [{ generationId: id, ...last }]);
    await trx
      .updateTable("generations")
      .set({
        status: ending.status,
        timings_json: ending.timings && JSON.stringify(ending.timings),
        tokens_json: ending.tokens && JSON.stringify(ending.tokens),
        cost: ending.cost,
        error_json: ending.error && JSON.stringify(ending.error),
        finished_at: now,
      })
      .where("id", "=", id)
      .execute();
    await trx
      .updateTable("messages")
      .set({ text: ending.text })
      .where("id", "=", trx.selectFrom("generations").select("message_id").where("id", "=", id))
      .execute();
  });
}

export async function listStreaming(db: Database): Promise<string[]> {
  const rows = await db.selectFrom("generations").select("id").where("status", "=", "streaming").execute();
  return rows.map((row) => row.id);
}

/** A generation with its answer, question and owner's decision: all that a snapshot is made from. */
export function generationForSnapshot(db: Database, messageId: string) {
  return db
    .selectFrom("generations")
    .innerJoin("messages", "messages.id", "generations.message_id")
    .leftJoin("route_decisions", "route_decisions.generation_id", "generations.id")
    .selectAll("generations")
    .select([
      "messages.text",
      "route_decisions.domain",
      "route_decisions.confidence",
      "route_decisions.runner_up",
    ])
    .select([
      "route_decisions.runner_up_confidence",
      "route_decisions.reason",
      "route_decisions.head",
      "route_decisions.pinned",
    ])
    .where("generations.message_id", "=", messageId)
    .executeTakeFirst();
}
