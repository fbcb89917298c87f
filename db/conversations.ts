import { type Conversation, PatchbayError } from "../server/protocol/index.ts";
import type { Database } from "./open.ts";
import type { ConversationsTable } from "./schema.ts";

const toConversation = (row: ConversationsTable): Conversation => ({
  id: row.id,
  title: row.title,
  pinned: row.pinned,
  activeLeafId: row.active_leaf_id,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

export async function insertConversation(
  db: Database,
  userId: string,
  conversation: Pick<Conversation, "id" | "title" | "pinned">,
  now: string,
  origin: ConversationsTable["origin"] = "chat",
): Promise<Conversation> {
  const { id, title, pinned } = conversation;
  const row = {
    id,
    user_id: userId,
    origin,
    title,
    pinned,
    active_leaf_id: null,
    created_at: now,
    updated_at: now,
  };
  await db.insertInto("conversations").values(row).execute();
  return toConversation(row);
}

/** Those that are held here, newest first. */
export async function listConversations(db: Database, userId: string): Promise<Conversation[]> {
  const rows = await db
    .selectFrom("conversations")
    .selectAll()
    .where("user_id", "=", userId)
    .where("origin", "=", "chat")
    .orderBy("updated_at", "desc")
    .orderBy("id", "desc")
    .execute();
  return rows.map(toConversation);
}

/** @throws {PatchbayError} `not-found`, also where it is somebody else's: nobody learns what exists. */
export async function ownConversation(db: Database, userId: string, id: string): Promise<Conversation> {
  const row = await db
    .selectFrom("conversations")
    .selectAll()
    .where("id", "=", id)
    .where("user_id", "=", userId)
    .executeTakeFirst();
  if (!row) throw new PatchbayError("not-found", "There is no such conversation.");
  return toConversation(row);
}

export async function updateConversation(
  db: Database,
  id: string,
  change: Partial<Pick<Conversation, "title" | "pinned" | "activeLeafId">>,
  now: string,
): Promise<Conversation> {
  const row = await db
    .updateTable("conversations")
    .set({
      ...(change.title !== undefined && { title: change.title }),
      ...(change.pinned !== undefined && { pinned: change.pinned }),
      ...(change.activeLeafId !== undefined && { active_leaf_id: change.activeLeafId }),
      updated_at: now,
    })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toConversation(row);
}

/** Its messages, generations, events and votes leave with it. */
export async function deleteConversation(db: Database, id: string): Promise<void> {
  await db.deleteFrom("conversations").where("id", "=", id).execute();
}
