import { Scope } from "../server/protocol/index.ts";
import { type Database, inTransaction } from "./open.ts";

/*
 * People, their sessions and keys. Callers pass hashes: no secret reaches the database.
 */

export async function insertUser(db: Database, user: { id: string; now: string }): Promise<void> {
  await db.insertInto("users").values({ id: user.id, created_at: user.now }).execute();
}

/** Makes the person where there is none of this id yet. */
export async function ensureUser(db: Database, user: { id: string; now: string }): Promise<void> {
  await db
    .insertInto("users")
    .values({ id: user.id, created_at: user.now })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
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

/** The session of a cookie, with the key that opened it where that still stands. */
export async function findSession(db: Database, tokenHash: string) {
  const row = await db
    .selectFrom("sessions")
    .leftJoin("api_keys", "api_keys.id", "sessions.api_key_id")
    .select([
      "sessions.id",
      "sessions.user_id as userId",
      "sessions.api_key_id as apiKeyId",
      "api_keys.revoked_at as revokedAt",
      "api_keys.scopes_json as scopesJson",
      "api_keys.per_minute as perMinute",
    ])
    .where("sessions.token_hash", "=", tokenHash)
    .executeTakeFirst();
  if (!row) return undefined;
  const { id, userId, apiKeyId, revokedAt, scopesJson, perMinute } = row;
  const stands = apiKeyId !== null && revokedAt === null && scopesJson !== null;
  return { id, userId, key: stands ? { id: apiKeyId, scopes: scopesOf(scopesJson), perMinute } : null };
}

export async function authoriseSession(db: Database, sessionId: string, apiKeyId: string): Promise<void> {
  await db.updateTable("sessions").set({ api_key_id: apiKeyId }).where("id", "=", sessionId).execute();
}

export interface NewApiKey {
  id: string;
  userId: string;
  name: string;
  keyHash: string;
  prefix: string;
  scopes: Scope[];
  perMinute: number | null;
  now: string;
}

export async function insertApiKey(db: Database, key: NewApiKey): Promise<void> {
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
        scopes_json: JSON.stringify(key.scopes),
        per_minute: key.perMinute,
        created_at: key.now,
        revoked_at: null,
      })
      .execute();
  });
}

export async function findApiKey(db: Database, keyHash: string) {
  const row = await db
    .selectFrom("api_keys")
    .select(["id", "user_id as userId", "scopes_json as scopesJson", "per_minute as perMinute"])
    .where("key_hash", "=", keyHash)
    .where("revoked_at", "is", null)
    .executeTakeFirst();
  if (!row) return undefined;
  const { id, userId, scopesJson, perMinute } = row;
  return { userId, key: { id, scopes: scopesOf(scopesJson), perMinute } };
}

export async function listApiKeys(db: Database) {
  const rows = await db
    .selectFrom("api_keys")
    .select(["id", "name", "prefix", "scopes_json as scopesJson", "per_minute as perMinute"])
    .select(["created_at as createdAt", "revoked_at as revokedAt"])
    .orderBy("id")
    .execute();
  return rows.map(({ scopesJson, ...key }) => ({ ...key, scopes: scopesOf(scopesJson) }));
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

const scopesOf = (json: string): Scope[] => Scope.array().parse(JSON.parse(json));
