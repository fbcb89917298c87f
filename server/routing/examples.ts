import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { parseJson, readJsonLines, readSomeJsonLines } from "../json-lines.ts";
import { BASE } from "../protocol/index.ts";
import { joinConversations } from "./joined.ts";
import type { Example } from "./turn.ts";

const Conversation = z.object({
  messages: z.array(z.object({ role: z.enum(["user", "assistant", "system"]), content: z.string() })).min(1),
});
const TextRow = z.object({ text: z.string() });
const Label = z.string().min(1).nullable();
const LabelledText = z.object({ text: z.string(), label: Label });
const Dialogue = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  turns: z.array(z.object({ user: z.string(), assistant: z.string().nullish(), label: Label })).min(1),
});
export type Dialogue = z.infer<typeof Dialogue>;

/** A labelled text, or a conversation with a label for each user turn; null is outside every domain. */
export type RoutingRow = z.infer<typeof LabelledText> | Dialogue;

const RoutingRow = z.unknown().transform((row, context): RoutingRow => {
  const isDialogue = typeof row === "object" && row !== null && "turns" in row;
  const parsed = (isDialogue ? Dialogue : LabelledText).safeParse(row);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues)
    context.addIssue({ code: "custom", path: issue.path, message: issue.message });
  return z.NEVER;
});

/** adapter.json, as far as the router reads it: the questions that the page offers for the expert. */
const Card = z.object({ examples: z.array(z.string()).default([]) });

/** Where examples are read from. */
export interface ExampleFolders {
  /** Folders of adapters, each with a dataset/. */
  adaptersDir: string;
  /**
   * train.jsonl and heldout.jsonl of the background class, follow-ups.jsonl (turns that belong to whoever is talking), and
   * easy.jsonl.
   */
  backgroundDir: string;
}

/**
 * What the router learns from: the examples of each adapter; of the background train.jsonl; conversations joined of
 * them; the questions that the page offers, which have to find their expert whatever the rest says. A file that does not
 * exist counts as empty.
 * @throws {PatchbayError} `data-invalid` with file and, in JSON lines, line
 */
export function readExamples(
  { adaptersDir, backgroundDir }: ExampleFolders,
  adapterIds: readonly string[],
): Example[] {
  const examples = [
    ...adapterIds.flatMap((id) => readAdapterExamples(adaptersDir, id)),
    ...readTexts(path.join(backgroundDir, "train.jsonl"), null),
  ];
  const followUps = readIfThere(path.join(backgroundDir, "follow-ups.jsonl"), TextRow).map(
    ({ text }) => text,
  );
  const learnt = [...examples, ...joinConversations(examples, followUps)];
  return [
    ...learnt,
    ...adapterIds.flatMap((id) => readOffered(adaptersDir, id, weightBeside(learnt.length))),
  ];
}

/**
 * How much an example with a place of its own counts beside so many others. Measured with 16 corrections at once
 * (docs/log.md): it decides for its text and its paraphrases at any weight; by words alone that takes 16 beside 7,600
 * examples. Beside 15,100 one of 25 reaches its text and a paraphrase, and one of 32 costs 2 points of the dialogues' turns.
 * Beside few examples that would drown them.
 */
export const weightBeside = (examples: number): number => Math.max(1, Math.min(32, examples / 600));

function readOffered(adaptersDir: string, id: string, weight: number): Example[] {
  const file = path.join(adaptersDir, id, "adapter.json");
  if (!fs.existsSync(file)) return [];
  const { examples } = parseJson(fs.readFileSync(file, "utf8"), Card, file);
  return examples.map((text) => ({ text, label: id, weight, ownPlace: 1 }));
}

/**
 * Conversations of one adapter that the router hears, spread evenly over the file. What a domain is about shows in so many;
 * more would crowd out smaller domains, and take an embedding for each turn.
 */
const MOST_CONVERSATIONS = 800;

/**
 * Of one adapter: the user turns of dataset/train.jsonl, of a large one those of a part, and the texts of
 * dataset/router.jsonl. @throws as above
 */
export function readAdapterExamples(adaptersDir: string, id: string): Example[] {
  const dataset = path.join(adaptersDir, id, "dataset");
  return [
    ...readTurns(path.join(dataset, "train.jsonl"), id, MOST_CONVERSATIONS),
    ...readTexts(path.join(dataset, "router.jsonl"), id),
  ];
}

/** What it is measured on: the first user turns of each adapter's heldout.jsonl, and the background's. @throws as above */
export function readHeldOut(
  { adaptersDir, backgroundDir }: ExampleFolders,
  adapterIds: readonly string[],
): Example[] {
  const ofAdapters = adapterIds.flatMap((id) =>
    readTurns(path.join(adaptersDir, id, "dataset", "heldout.jsonl"), id).filter(({ before }) => !before),
  );
  return [...ofAdapters, ...readTexts(path.join(backgroundDir, "heldout.jsonl"), null)];
}

/** Turns of every shipped expert and of nobody that no head may get wrong. @throws as above */
export const readEasyCases = ({ backgroundDir }: Pick<ExampleFolders, "backgroundDir">) =>
  readIfThere(path.join(backgroundDir, "easy.jsonl"), LabelledText);

/** Rows as people bring them. @throws {PatchbayError} `data-invalid` */
export const readRoutingRows = (file: string): RoutingRow[] => readSomeJsonLines(file, RoutingRow);

/** What can be learnt from rows: of a dialogue each user turn, with what was said before it. */
export const toExamples = (rows: readonly RoutingRow[]): Example[] =>
  rows.flatMap((row) => ("turns" in row ? turnsOf(row) : [row]));

const turnsOf = ({ turns }: Dialogue): Example[] =>
  turns.map(({ user, label }, at) => {
    const last = turns[at - 1];
    const earlier = turns.slice(0, at).map((turn) => turn.user);
    const group = turns[0]?.user ?? user;
    const before = last && { earlier, assistant: last.assistant ?? "", expert: last.label ?? BASE };
    return { text: user, label, ...(before && { before, group }) };
  });

/** Every user turn of a file of conversations, or of `most` of them, with what was said before it. */
const readTurns = (file: string, label: string, most = Number.POSITIVE_INFINITY): Example[] =>
  evenly(readIfThere(file, Conversation), most).flatMap(({ messages }) => {
    const spoken = messages.filter(({ role }) => role !== "system");
    return spoken.flatMap(({ role, content }, at): Example[] => {
      if (role !== "user") return [];
      const earlier = spoken.slice(0, at).filter((message) => message.role === "user");
      const [first] = earlier;
      const answer = spoken[at + 1]?.content;
      const row = { text: content, label, ...(answer !== undefined && { answer }) };
      if (!first) return [row];
      const assistant = spoken.slice(0, at).findLast((message) => message.role === "assistant");
      const before = {
        earlier: earlier.map((message) => message.content),
        assistant: assistant?.content ?? "",
        expert: label,
      };
      return [{ ...row, before, group: first.content }];
    });
  });

function evenly<T>(rows: readonly T[], most: number): T[] {
  const share = Math.min(1, most / rows.length);
  return rows.filter((_, at) => Math.floor((at + 1) * share) > Math.floor(at * share));
}

const readTexts = (file: string, label: string | null): Example[] =>
  readIfThere(file, TextRow).map(({ text }) => ({ text, label }));

const readIfThere = <T>(file: string, row: z.ZodType<T>): T[] =>
  fs.existsSync(file) ? readJsonLines(file, row) : [];
