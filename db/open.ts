import fs from "node:fs";
import path from "node:path";
import SqliteDatabase from "better-sqlite3";
import { Kysely, Migrator, SqliteDialect } from "kysely";
import * as chat from "./migrations/0001-chat.ts";
import * as api from "./migrations/0002-api.ts";
import * as remoteEngines from "./migrations/0003-remote-engines.ts";
import * as routerHeads from "./migrations/0004-router-heads.ts";
import type { Schema } from "./schema.ts";

export type Database = Kysely<Schema>;

/** In order; forward only. */
const migrations = {
  "0001-chat": chat,
  "0002-api": api,
  "0003-remote-engines": remoteEngines,
  "0004-router-heads": routerHeads,
};

export interface OpenOptions {
  /** Upper bound in 4 KiB pages, as a full disk would set one. Tests use it; undefined is no bound. */
  maxPages?: number;
}

/**
 * Opens the SQLite file, made where there is none, and brings its tables up to date.
 * WAL, so that a reader never waits for the writer; foreign keys enforced.
 */
export async function openDatabase(file: string, options: OpenOptions = {}): Promise<Database> {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const sqlite = new SqliteDatabase(file);
  sqlite.pragma("journal_mode = WAL");
  sqlite.pragma("synchronous = NORMAL");
  sqlite.pragma("foreign_keys = ON");
  sqlite.pragma("busy_timeout = 5000");
  if (options.maxPages !== undefined) sqlite.pragma(`max_page_count = ${options.maxPages}`);
  const db = new Kysely<Schema>({ dialect: new SqliteDialect({ database: keepingStatements(sqlite) }) });
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
  }).migrateToLatest();
  if (error) throw error;
  return db;
}

/** Statements that are kept; lists of different lengths make statements of their own. */
const KEPT_STATEMENTS = 200;

/** Kysely prepares each statement anew, which takes as long as many of them run. */
function keepingStatements(sqlite: SqliteDatabase.Database) {
  const kept = new Map<string, SqliteDatabase.Statement>();
  return {
    close: () => void sqlite.close(),
    prepare(sql: string) {
      const known = kept.get(sql);
      if (known) return known;
      if (kept.size >= KEPT_STATEMENTS) kept.clear();
      const made = sqlite.prepare(sql);
      kept.set(sql, made);
      return made;
    },
  };
}

/** Whether a write failed because disk or database are full. */
export const isFull = (error: unknown): boolean =>
  error instanceof SqliteDatabase.SqliteError &&
  (error.code === "SQLITE_FULL" || error.code.startsWith("SQLITE_IOERR_WRITE"));

/**
 * Runs writes that belong together. SQLite rolls back by itself when the disk is full, after which Kysely's own rollback
 * fails and would hide the reason: the first error is the one that is thrown.
 */
export async function inTransaction<T>(db: Database, work: (trx: Database) => Promise<T>): Promise<T> {
  let first: { error: unknown } | null = null;
  try {
    return await db.transaction().execute(async (trx) => {
      try {
        return await work(trx);
      } catch (error) {
        first = { error };
        throw error;
      }
    });
  } catch (error) {
    throw first === null ? error : (first as { error: unknown }).error;
  }
}
