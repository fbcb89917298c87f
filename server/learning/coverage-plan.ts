import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { readSomeJsonLines } from "../json-lines.ts";

/**
 * A line of `dataset/plan.jsonl`: what a conversation is to cover, written before the conversation itself. Kept with the
 * dataset so that gaps show before training does.
 */
export const PlannedRow = z.strictObject({
  id: z.string().min(1),
  topic: z.string().min(1),
  /** What is going on, and for whom. */
  situation: z.string().min(1),
  mood: z.string().min(1),
  /** How the person writes: age, spelling, length, manners. */
  register: z.string().min(1),
  /** User turns. */
  turns: z.number().int().min(1),
  label: z.string().min(1),
});
export type PlannedRow = z.infer<typeof PlannedRow>;

/** The plan of a dataset folder; null where there is none. @throws {PatchbayError} `data-invalid` with file and line */
export function readPlan(folder: string): PlannedRow[] | null {
  const file = path.join(folder, "plan.jsonl");
  return fs.existsSync(file) ? readSomeJsonLines(file, PlannedRow) : null;
}
