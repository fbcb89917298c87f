import type { Kysely } from "kysely";

/** What people say of turns that went to the wrong expert, and the router's heads that learn from it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("route_decisions").addColumn("alternative", "text").execute();
  await db.schema.alterTable("route_decisions").addColumn("heard", "text").execute();

  await db.schema
    .createTable("route_corrections")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("message_id", "text", (c) => c.notNull().references("messages.id").onDelete("cascade"))
    .addColumn("user_id", "text", (c) => c.notNull().references("users.id").onDelete("cascade"))
    .addColumn("expert", "text", (c) => c.notNull())
    .addColumn("turn_json", "text", (c) => c.notNull())
    .addColumn("answered_by", "text", (c) => c.notNull())
    .addColumn("head", "text", (c) => c.notNull())
    .addColumn("set_aside_at", "text")
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .addUniqueConstraint("route_corrections_one_each", ["message_id", "user_id"])
    .execute();

  await db.schema
    .createTable("router_heads")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("ordinal", "integer", (c) => c.notNull().unique())
    .addColumn("version", "text", (c) => c.notNull())
    .addColumn("sha256", "text", (c) => c.notNull())
    .addColumn("parent", "integer")
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("hears", "text", (c) => c.notNull())
    .addColumn("examples", "text", (c) => c.notNull())
    .addColumn("stands_beside", "text", (c) => c.notNull())
    .addColumn("corrections_json", "text", (c) => c.notNull())
    .addColumn("texts", "integer", (c) => c.notNull())
    .addColumn("disputed", "integer", (c) => c.notNull())
    .addColumn("gate_json", "text")
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .execute();
}
