import fs from "node:fs";
import path from "node:path";
import { type Import, importConversations } from "../learning/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { firstOf, note } from "./output.ts";

/**
 * Conversations of a file in any form that is understood; what is none is told.
 * @param hint what to do about rows that are none; null: they are left out
 * @throws {PatchbayError} `data-invalid`
 */
export function importFile(file: string, hint: string | null): Import {
  if (!fs.existsSync(file)) throw new PatchbayError("data-invalid", `${file} does not exist.`);
  const imported = importConversations(fs.readFileSync(file, "utf8"), path.basename(file));
  const { refused } = imported;
  for (const line of firstOf(refused.map(({ where, why }) => `${where}: ${why}`))) note(line);
  if (refused.length > 0 && hint !== null)
    throw new PatchbayError("data-invalid", `${refused.length} rows of ${file} are no conversations.`, {
      hint,
      details: refused,
    });
  return imported;
}
