import { type Kysely, sql } from "kysely";

/** People, conversations as trees, generations with their event log, votes with what was seen. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("users")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("created_at", "text", (c) => c.notNull())
    .execute();

  await db.schema
    .createTable("api_keys")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("user_id", "text", (c) => c.notNull().references("users.id").onDelete("cascade"))
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("key_hash", "text", (c) => c.notNull().unique())
    .addColumn("prefix", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("revoked_at", "text")
    .execute();

  await db.schema
    .createTable("sessions")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("user_id", "text", (c) => c.notNull().references("users.id").onDelete("cascade"))
    .addColumn("token_hash", "text", (c) => c.notNull().unique())
    .addColumn("api_key_id", "text", (c) => c.references("api_keys.id").onDelete("cascade"))
    .addColumn("created_at", "text", (c) => c.notNull())
    .execute();

  await db.schema
    .createTable("conversations")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("user_id", "text", (c) => c.notNull().references("users.id").onDelete("cascade"))
    .addColumn("title", "text", (c) => c.notNull())
    .addColumn("pinned", "text")
    .addColumn("active_leaf_id", "text")
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .execute();
  await db.schema
    .createIndex("conversations_by_user")
    .on("conversations")
    .columns(["user_id", "updated_at"])
    .execute();

  await db.schema
    .createTable("messages")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("conversation_id", "text", (c) =>
      c.notNull().references("conversations.id").onDelete("cascade"),
    )
    .addColumn("parent_id", "text", (c) => c.references("messages.id").onDelete("cascade"))
    .addColumn("role", "text", (c) => c.notNull().check(sql`role in ('user', 'assistant')`))
    .addColumn("text", "text", (c) => c.notNull())
    .addColumn("client_id", "text")
    .addColumn("created_at", "text", (c) => c.notNull())
    .addUniqueConstraint("messages_once", ["conversation_id", "client_id"])
    .execute();
  await db.schema.createIndex("messages_by_parent").on("messages").column("parent_id").execute();

  await db.schema
    .createTable("generations")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("message_id", "text", (c) =>
      c.notNull().unique().references("messages.id").onDelete("cascade"),
    )
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("requested", "text", (c) => c.notNull())
    .addColumn("expert_json", "text")
    .addColumn("base_name", "text")
    .addColumn("base_sha256", "text")
    .addColumn("prompt_sha256", "text")
    .addColumn("prompt_json", "text")
    .addColumn("sampling_json", "text")
    .addColumn("seed", "integer")
    .addColumn("dropped_turns", "integer", (c) => c.notNull())
    .addColumn("timings_json", "text")
    .addColumn("tokens_json", "text")
    .addColumn("error_json", "text")
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("finished_at", "text")
    .execute();
  await db.schema.createIndex("generations_by_status").on("generations").column("status").execute();

  await db.schema
    .createTable("generation_events")
    .addColumn("generation_id", "text", (c) => c.notNull().references("generations.id").onDelete("cascade"))
    .addColumn("seq", "integer", (c) => c.notNull())
    .addColumn("payload", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("generation_events_pk", ["generation_id", "seq"])
    .execute();

  await db.schema
    .createTable("route_decisions")
    .addColumn("generation_id", "text", (c) =>
      c.primaryKey().references("generations.id").onDelete("cascade"),
    )
    .addColumn("domain", "text", (c) => c.notNull())
    .addColumn("confidence", "real", (c) => c.notNull())
    .addColumn("runner_up", "text")
    .addColumn("runner_up_confidence", "real")
    .addColumn("reason", "text", (c) => c.notNull())
    .addColumn("evidence_json", "text", (c) => c.notNull())
    .addColumn("head", "text", (c) => c.notNull())
    .addColumn("pinned", "integer", (c) => c.notNull())
    .execute();

  await db.schema
    .createTable("snapshots")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("generation_id", "text", (c) =>
      c.notNull().unique().references("generations.id").onDelete("cascade"),
    )
    .addColumn("sha256", "text", (c) => c.notNull())
    .addColumn("payload_json", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .execute();
  await sql`create trigger snapshots_are_immutable before update on snapshots
    begin select raise(abort, 'snapshots are immutable'); end`.execute(db);

  await db.schema
    .createTable("votes")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("message_id", "text", (c) => c.notNull().references("messages.id").onDelete("cascade"))
    .addColumn("user_id", "text", (c) => c.notNull().references("users.id").onDelete("cascade"))
    .addColumn("snapshot_id", "text", (c) => c.notNull().references("snapshots.id").onDelete("cascade"))
    .addColumn("value", "integer", (c) => c.notNull().check(sql`value in (1, -1)`))
    .addColumn("reasons_json", "text", (c) => c.notNull())
    .addColumn("comment", "text", (c) => c.notNull())
    .addColumn("correction", "text", (c) => c.notNull())
    .addColumn("created_at", "text", (c) => c.notNull())
    .addColumn("updated_at", "text", (c) => c.notNull())
    .addUniqueConstraint("votes_one_each", ["message_id", "user_id"])
    .execute();
}
