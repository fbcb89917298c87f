import fs from "node:fs";
import path from "node:path";
import type { z } from "zod";
import { AdapterId, BASE, PatchbayError } from "../protocol/index.ts";
import { Manifest } from "../registry/index.ts";
import { writeAtomically } from "../write-atomically.ts";
import type { Conversation } from "./dataset.ts";
import type { Imported } from "./import-conversations.ts";
import { splitRows } from "./split.ts";

/** Fewer say nothing about a domain, and leave too few to measure on. */
const FEWEST_ROWS = 20;
/** Ids that mean something else on the wire. */
const RESERVED = [BASE, "auto", "embedder", "router", "trainer"];
/** Jacks of shipped experts have colours of their own; these stand apart from them and from each other. */
const COLOURS = ["#7a5af0", "#c2452d", "#0f7f8c", "#5c7a1f", "#8a5a2b", "#3d5a98", "#a8326e", "#4b6b5d"];
const SAMPLING = { temperature: 0.4, topP: 0.95, topK: 40, minP: 0.05, repeatPenalty: 1.1, maxTokens: 320 };
const MOST_LABELS = 100;

export interface NewAdapter {
  id: string;
  title: string;
  description: string;
  /** null: the system message that most rows came with, or a plain one. */
  prompt: string | null;
  /** Where the rows are from, for the card. */
  source: string;
  rows: readonly Imported[];
}

export interface Folders {
  adaptersDir: string;
  promptsDir: string;
}

export interface CreatedAdapter {
  folder: string;
  train: number;
  heldOut: number;
  labels: string[];
}

/**
 * Makes a domain's folder from conversations: manifest, prompt, data card, and the rows split into those to train on and
 * those held out. Before its first training it is a prompt for the base model.
 * @throws {PatchbayError} `bad-request` for an id or title that cannot be used, `data-invalid` for rows that are too few or too alike
 */
export function createAdapter(wanted: NewAdapter, { adaptersDir, promptsDir }: Folders): CreatedAdapter {
  const { id, title, description, source } = wanted;
  const folder = path.join(adaptersDir, id);
  const promptFile = path.join(promptsDir, `${id}.md`);
  checkId(id, [folder, promptFile]);
  if (wanted.rows.length < FEWEST_ROWS)
    throw new PatchbayError("data-invalid", `${source} holds ${wanted.rows.length} conversations.`, {
      hint: `A domain needs ${FEWEST_ROWS} at least, some hundreds to be learnt well.`,
    });
  const rows = wanted.rows.map(
    ({ conversation }, index): Conversation => ({
      ...conversation,
      id: `${id}-${String(index + 1).padStart(4, "0")}`,
    }),
  );
  const { train, heldOut } = splitRows(rows);
  if (train.length === 0 || heldOut.length === 0)
    throw new PatchbayError(
      "data-invalid",
      `${source} cannot be split: too many of its conversations are nearly the same.`,
      { hint: "Those that are stay together, and none could be held out. Add some that differ." },
    );
  const labels = labelsOf(rows);
  const manifest = checkedManifest({
    id,
    title,
    description,
    colour: freeColour(adaptersDir),
    prompt: `${id}.md`,
    examples: examplesOf(train),
    sampling: SAMPLING,
    labelTask: labels.length > 0 ? { question: "Which kind of request is this?", labels } : null,
    current: null,
  });
  const dataset = path.join(folder, "dataset");
  writeAtomically(path.join(dataset, "train.jsonl"), lines(train));
  writeAtomically(path.join(dataset, "heldout.jsonl"), lines(heldOut));
  writeAtomically(path.join(dataset, "README.md"), card(wanted, train, heldOut));
  writeAtomically(promptFile, `${wanted.prompt ?? systemOf(wanted.rows) ?? plainPrompt(title)}\n`);
  // Last: a folder with a manifest is taken for complete.
  writeAtomically(path.join(folder, "adapter.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  return { folder, train: train.length, heldOut: heldOut.length, labels };
}

function checkedManifest(manifest: z.input<typeof Manifest>): Manifest {
  const parsed = Manifest.safeParse(manifest);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new PatchbayError("bad-request", `${issue?.path.join(".")}: ${issue?.message}.`);
}

function checkId(id: string, taken: string[]): void {
  const parsed = AdapterId.safeParse(id);
  if (!parsed.success)
    throw new PatchbayError("bad-request", `"${id}" cannot be an id: ${parsed.error.issues[0]?.message}.`);
  if (RESERVED.includes(id)) throw new PatchbayError("bad-request", `The id "${id}" is reserved.`);
  const there = taken.find((file) => fs.existsSync(file));
  if (there)
    throw new PatchbayError("bad-request", `${there} exists already.`, {
      hint: "Choose another id, or delete it first.",
    });
}

/** The closed set of labels, where every row has one and they are few enough to be a task. */
function labelsOf(rows: readonly Conversation[]): string[] {
  const labels = new Set(rows.map(({ label }) => label));
  if (labels.has(undefined) || labels.size < 2 || labels.size > MOST_LABELS) return [];
  return [...labels].filter((label) => label !== undefined).sort();
}

function freeColour(adaptersDir: string): string {
  const used = fs
    .readdirSync(adaptersDir)
    .map((name) => path.join(adaptersDir, name, "adapter.json"))
    .filter((file) => fs.existsSync(file))
    .map((file) => fs.readFileSync(file, "utf8"));
  return COLOURS.find((colour) => !used.some((text) => text.includes(colour))) ?? (COLOURS[0] as string);
}

/** Short questions show best what an expert is for. */
function examplesOf(rows: readonly Conversation[]): string[] {
  return rows
    .flatMap(({ messages: [first] }) => (first && first.content.length <= 80 ? [first.content] : []))
    .filter((text) => !text.includes("\n"))
    .slice(0, 2);
}

/** The system message that most rows came with. */
function systemOf(rows: readonly Imported[]): string | null {
  const counts = new Map<string, number>();
  for (const { system } of rows) if (system) counts.set(system, (counts.get(system) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

const plainPrompt = (title: string): string =>
  `You are an expert on ${title}. Answer in plain words, and say so where you do not know.`;

const lines = (rows: readonly Conversation[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("");

function card(
  { title, source }: NewAdapter,
  train: readonly Conversation[],
  heldOut: readonly Conversation[],
): string {
  return `# ${title}: data card
Imported from \`${source}\`: ${train.length} conversations to train on (\`train.jsonl\`), ${heldOut.length} held out (\`heldout.jsonl\`, never trained on), split by chance with near-duplicates kept on one side.

Say here where the conversations are from, who wrote them, what they may be used for, and what they do not cover.
`;
}
