import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { readSomeJsonLines } from "../json-lines.ts";
import { PatchbayError } from "../protocol/index.ts";

const Turn = z.object({ role: z.enum(["user", "assistant"]), content: z.string().trim().min(1) });

/** A conversation to learn from, in the standard `messages` form: user and assistant in turns, the answer last. */
export const Conversation = z.object({
  id: z.string().min(1),
  /** Gold label of the first user turn, from the closed set of the adapter's label task. */
  label: z.string().min(1).optional(),
  messages: z
    .array(Turn)
    .min(2)
    .refine(
      (turns) =>
        turns.length % 2 === 0 && turns.every((turn, i) => turn.role === (i % 2 ? "assistant" : "user")),
      {
        message: "turns must alternate, user first and assistant last",
      },
    ),
});
export type Conversation = z.infer<typeof Conversation>;

export interface Dataset {
  train: Conversation[];
  heldOut: Conversation[];
  /** SHA-256 over both files. */
  sha256: string;
}

/** @throws {PatchbayError} `data-invalid` with file and line; also where a row stands in both files */
export function readDataset(folder: string): Dataset {
  const train = readConversations(path.join(folder, "train.jsonl"));
  const heldOut = readConversations(path.join(folder, "heldout.jsonl"));
  const seen = new Map(train.map((row) => [questionsOf(row), row.id]));
  for (const row of heldOut) {
    const twin = seen.get(questionsOf(row));
    if (twin !== undefined)
      throw new PatchbayError(
        "data-invalid",
        `heldout.jsonl: ${row.id} asks the same as ${twin} in train.jsonl.`,
        {
          hint: "A row that was trained on says nothing about new questions: take it out of one file.",
        },
      );
  }
  const hash = createHash("sha256");
  for (const name of ["train.jsonl", "heldout.jsonl"]) hash.update(fs.readFileSync(path.join(folder, name)));
  return { train, heldOut, sha256: hash.digest("hex") };
}

export const readConversations = (file: string): Conversation[] => readSomeJsonLines(file, Conversation);

/** What is asked, whatever its case and punctuation: rows that ask the same belong on one side of a split. */
export const questionsOf = (row: Conversation): string =>
  row.messages
    .filter((turn) => turn.role === "user")
    .map((turn) => turn.content.toLowerCase().replace(/\W+/g, " ").trim())
    .join("\n");
