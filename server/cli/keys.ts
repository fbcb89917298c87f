import path from "node:path";
import type { Command } from "commander";
import { ulid } from "ulid";
import { type Database, listApiKeys, openDatabase, revokeApiKey } from "../../db/index.ts";
import { readConfig } from "../config.ts";
import { createApiKey } from "../gateway/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { note, printJson, printLine, table } from "./output.ts";

export function addKeys(program: Command): void {
  const keys = program.command("keys").description("API keys: once there is one, everybody needs one");
  keys
    .command("create")
    .description("make a key; it is shown this once")
    .argument("<name>", "what or whom it is for")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay keys create laptop")
    .action((name: string, options: { json?: boolean }) =>
      withDatabase(async (db) => {
        const created = await createApiKey(db, name, { newId: ulid, now });
        if (options.json) return printJson(created);
        printLine(created.key);
        note("Keep it: it is not stored and cannot be shown again. From now on every client needs a key.");
      }),
    );
  keys
    .command("list")
    .description("show the keys, without their secrets")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay keys list --json")
    .action((options: { json?: boolean }) =>
      withDatabase(async (db) => {
        const rows = await listApiKeys(db);
        if (options.json) return printJson(rows);
        const cells = rows.map((key) => [
          key.id,
          key.name,
          `${key.prefix}…`,
          key.createdAt.slice(0, 10),
          key.revokedAt ? "revoked" : "",
        ]);
        printLine(table([["ID", "NAME", "KEY", "CREATED", ""], ...cells]));
      }),
    );
  keys
    .command("revoke")
    .description("end a key and every session opened with it")
    .argument("<id>", "as `keys list` shows it")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay keys revoke 01KA…")
    .action((id: string, options: { json?: boolean }) =>
      withDatabase(async (db) => {
        if (!(await revokeApiKey(db, id, now())))
          throw new PatchbayError("not-found", "There is no such key in force.");
        if (options.json) printJson({ id, revoked: true });
        else note("Revoked.");
      }),
    );
}

export async function withDatabase<T>(use: (db: Database) => Promise<T>): Promise<T> {
  const db = await openDatabase(path.join(readConfig(process.env).dataDir, "patchbay.sqlite"));
  try {
    return await use(db);
  } finally {
    await db.destroy();
  }
}

const now = (): string => new Date().toISOString();
