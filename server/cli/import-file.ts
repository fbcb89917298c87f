import fs from "node:fs";
import path from "node:path";
import { type Import, importConversations } from "../learning/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { firstOf, note } from "./output.ts";

/**
 * Conversations of a file in any form that is understood; what is none is told.
 * @param skipRefused rows that are none are left out, instead of stopping
 * @throws {PatchbayError} `data-invalid`
 */
export function importFile(file: string, skipRefused: boolean): Import {
  if (!fs.existsSync(file)) throw new PatchbayError("data-invalid", `${file} does not exist.`);
  const imported = importConversations(fs.readFileSync(file, "utf8"), path.basename(file));
  const { refused } = imported;
  for (const line of firstOf(refused.map(({ where, why }) => `${where}: ${why}`))) note(line);
  if (refused.length > 0 && !skipRefused)
    throw new PatchbayError("data-invalid", `${refused.length} rows of ${file} are no conversations.`, {
      hint: "Mend them, or leave them out with --skip-refused.",
      details: refused,
    });
  return imported;
}
