import { PatchbayError, type RouteCorrection } from "../server/protocol/index.ts";
import type { Database } from "./open.ts";

/** The question that an answer of this person answers, and whom the answer before it was by. @throws `not-found` */
export async function ownQuestionOf(
  db: Database,
  userId: string,
  answerId: string,
): Promise<{ conversationId: string; questionId: string; previous: string | null }> {
  const row = await db
    .selectFrom("messages as answer")
    .innerJoin("conversations", "conversations.id", "answer.conversation_id")
    .innerJoin("messages as question", "question.id", "answer.parent_id")
    .leftJoin("generations as before", "before.message_id", "question.parent_id")
    .select(["conversations.id as conversationId", "question.id as questionId"])
    .select("before.expert_json as before")
    .where("answer.id", "=", answerId)
    .where("answer.role", "=", "assistant")
    .where("conversations.user_id", "=", userId)
    .executeTakeFirst();
  if (!row) throw new PatchbayError("not-found", "There is no such answer.");
  const { before, ...ids } = row;
  return { ...ids, previous: before === null ? null : JSON.parse(before).id };
}

/** One correction for each person and question: a second one replaces the first, and counts again. */
export async function upsertRouteCorrection(
  db: Database,
  made: { id: string; questionId: string; userId: string; turn: unknown; answeredBy: string; head: string },
  { expert, updatedAt }: RouteCorrection,
): Promise<void> {
  const content = {
    expert,
    turn_json: JSON.stringify(made.turn),
    answered_by: made.answeredBy,
    head: made.head,
    set_aside_at: null,
    updated_at: updatedAt,
  };
  await db
    .insertInto("route_corrections")
    .values({
      id: made.id,
      message_id: made.questionId,
      user_id: made.userId,
      created_at: updatedAt,
      ...content,
    })
    .onConflict((conflict) => conflict.columns(["message_id", "user_id"]).doUpdateSet(content))
    .execute();
}

export async function deleteRouteCorrection(db: Database, questionId: string, userId: string): Promise<void> {
  await db
    .deleteFrom("route_corrections")
    .where("message_id", "=", questionId)
    .where("user_id", "=", userId)
    .execute();
}

/** Those that count, oldest first. */
export async function listRouteCorrections(db: Database) {
  const rows = await db
    .selectFrom("route_corrections")
    .select(["id", "user_id as person", "expert", "turn_json as turnJson", "updated_at as updatedAt"])
    .where("set_aside_at", "is", null)
    .orderBy("id")
    .execute();
  return rows.map(({ turnJson, ...row }) => ({ ...row, turn: JSON.parse(turnJson) }));
}

/** Makes exactly these corrections count, as long as they still say the same; all others are set aside. @returns how many */
export async function countOnly(
  db: Database,
  kept: readonly { id: string; expert: string }[],
  now: string,
): Promise<number> {
  const expertOf = new Map(kept.map(({ id, expert }) => [id, expert]));
  const rows = await db.selectFrom("route_corrections").select(["id", "expert", "set_aside_at"]).execute();
  let setAside = 0;
  for (const { id, expert, set_aside_at } of rows) {
    const counts = expertOf.get(id) === expert;
    if (!counts) setAside++;
    if (counts === (set_aside_at === null)) continue;
    await db
      .updateTable("route_corrections")
      .set({ set_aside_at: counts ? null : now })
      .where("id", "=", id)
      .execute();
  }
  return setAside;
}
