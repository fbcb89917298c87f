import { type Database, inTransaction } from "./open.ts";

/*
 * People, their sessions and keys. Callers pass hashes: no secret reaches the database.
 */

export async function insertUser(db: Database, user: { id: string; now: string }): Promise<void> {
  await db.insertInto("users").values({ id: user.id, created_at: user.now }).execute();
}

export async function insertSession(
  db: Database,
  session: { id: string; userId: string; tokenHash: string; apiKeyId: string | null; now: string },
): Promise<void> {
  await db
    .insertInto("sessions")
    .values({
      id: session.id,
      user_id: session.userId,
      token_hash: session.tokenHash,
      api_key_id: session.apiKeyId,
      created_at: session.now,
    })
    .execute();
}

/** The session of a cookie, with whether the key that opened it still stands. */
export function findSession(db: Database, tokenHash: string) {
  return db
    .selectFrom("sessions")
    .leftJoin("api_keys", "api_keys.id", "sessions.api_key_id")
    .select([
      "sessions.id",
      "sessions.user_id as userId",
      "sessions.api_key_id as apiKeyId",
      "api_keys.revoked_at as revokedAt",
    ])
    .where("sessions.token_hash", "=", tokenHash)
    .executeTakeFirst();
}

export async function authoriseSession(db: Database, sessionId: string, apiKeyId: string): Promise<void> {
  await db.updateTable("sessions").set({ api_key_id: apiKeyId }).where("id", "=", sessionId).execute();
}

export async function insertApiKey(
  db: Database,
  key: { id: string; userId: string; name: string; keyHash: string; prefix: string; now: string },
): Promise<void> {
  await inTransaction(db, async (trx) => {
    await insertUser(trx, { id: key.userId, now: key.now });
    await trx
      .insertInto("api_keys")
      .values({
        id: key.id,
        user_id: key.userId,
        name: key.name,
        key_hash: key.keyHash,
        prefix: key.prefix,
        created_at: key.now,
        revoked_at: null,
      })
      .execute();
  });
}

export function findApiKey(db: Database, keyHash: string) {
  return db
    .selectFrom("api_keys")
    .select(["id", "user_id as userId"])
    .where("key_hash", "=", keyHash)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
}

export function listApiKeys(db: Database) {
  return db
    .selectFrom("api_keys")
    .select(["id", "name", "prefix", "created_at as createdAt", "revoked_at as revokedAt"])
    .orderBy("id")
    .execute();
}

/** Whether any key was ever created: from then on everybody needs one. */
export async function hasApiKeys(db: Database): Promise<boolean> {
  return (await db.selectFrom("api_keys").select("id").limit(1).executeTakeFirst()) !== undefined;
}

/** Returns whether there was such a key to revoke. */
export async function revokeApiKey(db: Database, id: string, now: string): Promise<boolean> {
  const result = await db
    .updateTable("api_keys")
    .set({ revoked_at: now })
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}
