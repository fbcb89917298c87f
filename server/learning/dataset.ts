import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { type Placed, readPlacedLines, readSomePlacedLines } from "../json-lines.ts";
import { PatchbayError } from "../protocol/index.ts";

const LETTER_OR_DIGIT = /[\p{L}\p{N}]/u;

/** "B" can be an answer, dots and emoji cannot. People do ask with "?" or a picture alone, and that has to be answered. */
const Turn = z
  .object({ role: z.enum(["user", "assistant"]), content: z.string().trim().min(1) })
  .refine(({ role, content }) => role === "user" || LETTER_OR_DIGIT.test(content), {
    path: ["content"],
    message: "an answer without a letter or a digit is too short to learn from",
  });

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

/** A user turn by itself, with its gold label where it has one. */
export interface SingleTurn {
  id: string;
  text: string;
  label?: string | undefined;
}
export type LabelledTurn = SingleTurn & { label: string };

export interface Dataset {
  train: Placed<Conversation>[];
  heldOut: Placed<Conversation>[];
  /** Further turns, those of router.jsonl and labels.jsonl; none where there are no such files. */
  turns: Placed<SingleTurn>[];
  /** Those of them that have a gold label. */
  labelled: Placed<LabelledTurn>[];
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

/**
 * Conversations that leak from one side of the split to the other are for {@link leaks} to find.
 * @throws {PatchbayError} `data-invalid` with file and line; also where a held-out row begins with a labelled turn
 */
export function readDataset(folder: string): Dataset {
  const train = readConversations(path.join(folder, "train.jsonl"));
  const heldOut = readConversations(path.join(folder, "heldout.jsonl"));
  const perFile = LABELLED.map((name) => ({ name, turns: readTurns(path.join(folder, name)) }));
  const turns = perFile.flatMap((file) => file.turns);
  const labelled = turns.filter(isLabelled);
  const tested = new Map(heldOut.map((row) => [plain(row.messages[0]?.content ?? ""), row]));
  for (const { where, text } of labelled) {
    const twin = tested.get(plain(text));
    if (twin !== undefined)
      throw new PatchbayError("data-invalid", `${placeOf(twin)} begins like ${where}.`, {
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
    turns,
    labelled,
    sha256: hashOf("train.jsonl", "heldout.jsonl"),
    labelledSha256: hashOf(...perFile.filter((file) => file.turns.some(isLabelled)).map(({ name }) => name)),
  };
}

export const readConversations = (file: string): Placed<Conversation>[] =>
  readSomePlacedLines(file, Conversation);

const TurnRow = z.object({ text: z.string().trim().min(1), label: z.string().min(1).optional() });

/** Their ids are the file's name and their number: `router-17`. */
const readTurns = (file: string): Placed<SingleTurn>[] =>
  (fs.existsSync(file) ? readPlacedLines(file, TurnRow) : []).map((row, index) => ({
    ...row,
    id: `${path.basename(file, ".jsonl")}-${index + 1}`,
  }));

const isLabelled = (turn: Placed<SingleTurn>): turn is Placed<LabelledTurn> => turn.label !== undefined;

/** Where a row stands and what it is called: `train.jsonl line 3 (support-0003)`. */
export const placeOf = ({ where, id }: Placed<{ id: string }>): string => `${where} (${id})`;

/** What is asked, whatever its case and punctuation: rows that ask the same belong on one side of a split. */
export const questionsOf = (row: Conversation): string =>
  row.messages
    .filter((turn) => turn.role === "user")
    .map((turn) => plain(turn.content))
    .join("\n");

/** A text whatever its case and punctuation, unless it has nothing else. Marks, as of Hindi's vowels, belong to their letters. */
export const plain = (text: string): string =>
  LETTER_OR_DIGIT.test(text)
    ? text
        .normalize("NFC")
        .toLowerCase()
        .replace(/[^\p{L}\p{M}\p{N}]+/gu, " ")
        .trim()
    : text;
