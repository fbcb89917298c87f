import type { Kysely } from "kysely";

/** Completions of the OpenAI-compatible API are kept beside conversations; keys have scopes and limits. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("conversations")
    .addColumn("origin", "text", (c) => c.notNull().defaultTo("chat"))
    .execute();
  // Keys from before may do what there was to do, and what came with this migration.
  await db.schema
    .alterTable("api_keys")
    .addColumn("scopes_json", "text", (c) => c.notNull().defaultTo('["chat","embeddings","feedback"]'))
    .execute();
  await db.schema.alterTable("api_keys").addColumn("per_minute", "integer").execute();
}
