import type { Vote } from "../server/protocol/index.ts";
import type { Database } from "./open.ts";

/** Returns the id of the generation's snapshot, made now where this is the first vote on it. */
export async function ensureSnapshot(
  db: Database,
  snapshot: { id: string; generationId: string; sha256: string; payloadJson: string; now: string },
): Promise<string> {
  await db
    .insertInto("snapshots")
    .values({
      id: snapshot.id,
      generation_id: snapshot.generationId,
      sha256: snapshot.sha256,
      payload_json: snapshot.payloadJson,
      created_at: snapshot.now,
    })
    .onConflict((conflict) => conflict.column("generation_id").doNothing())
    .execute();
  const row = await db
    .selectFrom("snapshots")
    .select("id")
    .where("generation_id", "=", snapshot.generationId)
    .executeTakeFirstOrThrow();
  return row.id;
}

/** How this person rates the answer now. */
export async function findVoteValue(
  db: Database,
  messageId: string,
  userId: string,
): Promise<Vote["value"] | undefined> {
  const row = await db
    .selectFrom("votes")
    .select("value")
    .where("message_id", "=", messageId)
    .where("user_id", "=", userId)
    .executeTakeFirst();
  return row?.value;
}

/** One vote for each person and answer: a second one replaces the first. */
export async function upsertVote(
  db: Database,
  ids: { id: string; messageId: string; userId: string; snapshotId: string },
  vote: Vote,
): Promise<void> {
  const content = {
    value: vote.value,
    reasons_json: JSON.stringify(vote.reasons),
    comment: vote.comment,
    correction: vote.correction,
    updated_at: vote.updatedAt,
  };
  await db
    .insertInto("votes")
    .values({
      id: ids.id,
      message_id: ids.messageId,
      user_id: ids.userId,
      snapshot_id: ids.snapshotId,
      created_at: vote.updatedAt,
      ...content,
    })
    .onConflict((conflict) => conflict.columns(["message_id", "user_id"]).doUpdateSet(content))
    .execute();
}

export async function deleteVote(db: Database, messageId: string, userId: string): Promise<boolean> {
  const result = await db
    .deleteFrom("votes")
    .where("message_id", "=", messageId)
    .where("user_id", "=", userId)
    .executeTakeFirst();
  return result.numDeletedRows > 0n;
}

/** Every vote with the snapshot of what was seen, oldest first, read row by row. */
export function streamVotes(db: Database) {
  return db
    .selectFrom("votes")
    .innerJoin("snapshots", "snapshots.id", "votes.snapshot_id")
    .select(["votes.id", "votes.value", "votes.correction", "snapshots.payload_json as payloadJson"])
    .orderBy("votes.id")
    .stream();
}
