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
  /** Further turns with a gold label, those of router.jsonl and labels.jsonl; none where there are no such files. */
  labelled: LabelledTurn[];
  /** SHA-256 over the conversations of both files. */
  sha256: string;
  /** The same over the files that the labelled turns come from. */
  labelledSha256: string;
}

/**
 * Where further labelled turns stand. The router learns from all of the first, whether they have a label or not; what is in
 * the second teaches labels alone, so that a label task can be taught in full without one domain crowding out the others.
 */
const LABELLED = ["router.jsonl", "labels.jsonl"];

/** @throws {PatchbayError} `data-invalid` with file and line; also where a row stands on both sides of the split */
export function readDataset(folder: string): Dataset {
  const train = readConversations(path.join(folder, "train.jsonl"));
  const heldOut = readConversations(path.join(folder, "heldout.jsonl"));
  const perFile = LABELLED.map((name) => ({ name, turns: readLabelled(path.join(folder, name)) }));
  const labelled = perFile.flatMap(({ turns }) => turns);
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
      throw new PatchbayError("data-invalid", `heldout.jsonl: ${twin} begins like ${id}.`, {
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
    labelledSha256: hashOf(...perFile.flatMap(({ name, turns }) => (turns.length > 0 ? [name] : []))),
  };
}

export const readConversations = (file: string): Conversation[] => readSomeJsonLines(file, Conversation);

const LabelledRow = z.object({ text: z.string().trim().min(1), label: z.string().min(1).optional() });

/** Their ids are the file's name and their line: `router-17`. */
const readLabelled = (file: string): LabelledTurn[] =>
  (fs.existsSync(file) ? readJsonLines(file, LabelledRow) : []).flatMap(({ text, label }, index) =>
    label === undefined ? [] : [{ id: `${path.basename(file, ".jsonl")}-${index + 1}`, text, label }],
  );

/** What is asked, whatever its case and punctuation: rows that ask the same belong on one side of a split. */
export const questionsOf = (row: Conversation): string =>
  row.messages
    .filter((turn) => turn.role === "user")
    .map((turn) => plain(turn.content))
    .join("\n");

const plain = (text: string): string => text.toLowerCase().replace(/\W+/g, " ").trim();
