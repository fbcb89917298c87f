import type { Kysely } from "kysely";

/** What an answer by a model elsewhere cost. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("generations").addColumn("cost", "real").execute();
}
