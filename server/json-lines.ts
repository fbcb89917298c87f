import fs from "node:fs";
import { z } from "zod";
import { PatchbayError } from "./protocol/index.ts";

/** With the file and line that it stands on, for messages to people. */
export type Placed<T> = T & { where: string };

/**
 * Every row of a JSON lines file, checked; blank lines are passed over.
 * @throws {PatchbayError} `data-invalid` with file and line
 */
export const readJsonLines = <T>(file: string, row: z.ZodType<T>): T[] =>
  readLines(file, (line, where) => parseJson(line, row, where));

/** As {@link readJsonLines}, each row with its place. */
export const readPlacedLines = <T extends object>(file: string, row: z.ZodType<T>): Placed<T>[] =>
  readLines(file, (line, where) => ({ ...parseJson(line, row, where), where }));

function readLines<T>(file: string, parse: (line: string, where: string) => T): T[] {
  if (!fs.existsSync(file)) throw new PatchbayError("data-invalid", `${file} does not exist.`);
  const lines = withoutBom(fs.readFileSync(file, "utf8")).split("\n");
  return lines.flatMap((line, at) => (line.trim() === "" ? [] : [parse(line, `${file} line ${at + 1}`)]));
}

/** Windows programs put a byte-order mark before a text, which is none of it. */
export const withoutBom = (content: string): string => content.replace(/^\ufeff/, "");

/** As {@link readJsonLines}, for files that say nothing without rows. */
export const readSomeJsonLines = <T>(file: string, row: z.ZodType<T>): T[] =>
  notEmpty(readJsonLines(file, row), file);

/** As {@link readSomeJsonLines}, each row with its place. */
export const readSomePlacedLines = <T extends object>(file: string, row: z.ZodType<T>): Placed<T>[] =>
  notEmpty(readPlacedLines(file, row), file);

function notEmpty<T>(rows: T[], file: string): T[] {
  if (rows.length === 0) throw new PatchbayError("data-invalid", `${file} holds no rows.`);
  return rows;
}

/**
 * One value, checked.
 * @param where the place that people are told
 * @throws {PatchbayError} `data-invalid`
 */
export function parseJson<T>(text: string, schema: z.ZodType<T>, where: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PatchbayError("data-invalid", `${where} is not JSON.`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const { data: named } = z.object({ id: z.string() }).safeParse(value);
  throw new PatchbayError(
    "data-invalid",
    `${where}${named ? ` (${named.id})` : ""}: ${issue?.path.join(".") || "row"}: ${issue?.message}.`,
  );
}
