import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { readJsonLines, readSomeJsonLines } from "../json-lines.ts";
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

/** A user turn with its gold label. */
export interface LabelledTurn {
  id: string;
  text: string;
  label: string;
}

export interface Dataset {
  train: Conversation[];
  heldOut: Conversation[];
  /** Turns that the router learns from and that have a gold label besides; none where there is no router.jsonl. */
  labelled: LabelledTurn[];
  /** SHA-256 over the conversations of both files. */
  sha256: string;
  /** The same over router.jsonl. */
  labelledSha256: string;
}

/** @throws {PatchbayError} `data-invalid` with file and line; also where a row stands on both sides of the split */
export function readDataset(folder: string): Dataset {
  const train = readConversations(path.join(folder, "train.jsonl"));
  const heldOut = readConversations(path.join(folder, "heldout.jsonl"));
  const labelled = readLabelled(path.join(folder, "router.jsonl"));
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
  const tested = new Map(heldOut.map((row) => [plain(row.messages[0]?.content ?? ""), row.id]));
  for (const { id, text } of labelled) {
    const twin = tested.get(plain(text));
    if (twin !== undefined)
      throw new PatchbayError("data-invalid", `heldout.jsonl: ${twin} begins like ${id} of router.jsonl.`, {
        hint: "Its label is learnt from there and would say nothing about new questions: take it out of one file.",
      });
  }
  const hashOf = (...names: string[]) => {
    const hash = createHash("sha256");
    for (const name of names) hash.update(fs.readFileSync(path.join(folder, name)));
    return hash.digest("hex");
  };
  return {
    train,
    heldOut,
    labelled,
    sha256: hashOf("train.jsonl", "heldout.jsonl"),
    labelledSha256: labelled.length > 0 ? hashOf("router.jsonl") : hashOf(),
  };
}

export const readConversations = (file: string): Conversation[] => readSomeJsonLines(file, Conversation);

const RouterRow = z.object({ text: z.string().trim().min(1), label: z.string().min(1).optional() });

const readLabelled = (file: string): LabelledTurn[] =>
  (fs.existsSync(file) ? readJsonLines(file, RouterRow) : []).flatMap(({ text, label }, index) =>
    label === undefined ? [] : [{ id: `router-${index + 1}`, text, label }],
  );

/** What is asked, whatever its case and punctuation: rows that ask the same belong on one side of a split. */
export const questionsOf = (row: Conversation): string =>
  row.messages
    .filter((turn) => turn.role === "user")
    .map((turn) => plain(turn.content))
    .join("\n");

const plain = (text: string): string => text.toLowerCase().replace(/\W+/g, " ").trim();
