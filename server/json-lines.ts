import fs from "node:fs";
import type { z } from "zod";
import { PatchbayError } from "./protocol/index.ts";

/**
 * Every row of a JSON lines file, checked; blank lines are passed over.
 * @throws {PatchbayError} `data-invalid` with file and line
 */
export function readJsonLines<T>(file: string, row: z.ZodType<T>): T[] {
  if (!fs.existsSync(file)) throw new PatchbayError("data-invalid", `${file} does not exist.`);
  const lines = fs.readFileSync(file, "utf8").split("\n");
  return lines.flatMap((line, at) =>
    line.trim() === "" ? [] : [parseLine(line, row, `${file} line ${at + 1}`)],
  );
}

/** As {@link readJsonLines}, for files that say nothing without rows. */
export function readSomeJsonLines<T>(file: string, row: z.ZodType<T>): T[] {
  const rows = readJsonLines(file, row);
  if (rows.length === 0) throw new PatchbayError("data-invalid", `${file} holds no rows.`);
  return rows;
}

function parseLine<T>(line: string, row: z.ZodType<T>, where: string): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new PatchbayError("data-invalid", `${where} is not JSON.`);
  }
  const parsed = row.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PatchbayError("data-invalid", `${where}: ${issue?.path.join(".") || "row"}: ${issue?.message}.`);
}
