import path from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ulid } from "ulid";
import { type Database, listApiKeys, openDatabase, revokeApiKey } from "../../db/index.ts";
import { readConfig } from "../config.ts";
import { createApiKey } from "../gateway/index.ts";
import { PatchbayError, Scope, usualScopes } from "../protocol/index.ts";
import { note, printJson, printLine, table } from "./output.ts";

export function addKeys(program: Command): void {
  const keys = program.command("keys").description("API keys: once there is one, everybody needs one");
  keys
    .command("create")
    .description("make a key; it is shown this once")
    .argument("<name>", "what or whom it is for")
    .addOption(
      new Option("--scope <scope...>", "what it may be used for").choices(Scope.options).default(usualScopes),
    )
    .option("--per-minute <count>", "turns and API requests that it may make in a minute", wholeNumber)
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      "\nExamples:\n  $ npx patchbay keys create laptop\n  $ npx patchbay keys create indexer --scope embeddings --per-minute 600\n  $ npx patchbay keys create prometheus --scope metrics",
    )
    .action((name: string, options: { scope: Scope[]; perMinute?: number; json?: boolean }) =>
      withDatabase(async (db) => {
        const { scope: scopes, perMinute = null } = options;
        const created = await createApiKey(db, { name, scopes, perMinute }, { newId: ulid, now });
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
          key.scopes.join(" "),
          key.perMinute === null ? "" : `${key.perMinute}`,
          key.createdAt.slice(0, 10),
          key.revokedAt ? "revoked" : "",
        ]);
        printLine(table([["ID", "NAME", "KEY", "SCOPES", "PER MINUTE", "CREATED", ""], ...cells]));
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

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("A whole number from 1 on.");
  return value;
}

const now = (): string => new Date().toISOString();
