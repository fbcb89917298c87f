import { parse } from "csv-parse/sync";
import { z } from "zod";
import { withoutBom } from "../json-lines.ts";
import { PatchbayError } from "../protocol/index.ts";
import { type Conversation, Conversation as ConversationSchema } from "./dataset.ts";

/** A conversation as it came, with the system message that it had, if any. */
export interface Imported {
  conversation: Conversation;
  system: string | null;
}

export interface Import {
  rows: Imported[];
  /** Rows that are no conversation, with the reason; where there are some, somebody should look. */
  refused: { where: string; why: string }[];
}

type Role = "system" | "user" | "assistant";
interface Turn {
  role: Role;
  content: string;
  /** OpenAI's: 0 for an answer that is context and not to be learnt. */
  weight?: number | null | undefined;
}

const text = z.string();
/** Text, or the parts that OpenAI's formats allow in its place. */
const Content = z.union([
  text,
  z
    .array(z.object({ type: z.literal("text"), text }))
    .transform((parts) => parts.map((part) => part.text).join("")),
]);
const roles: Record<string, Role> = {
  system: "system",
  developer: "system",
  user: "user",
  human: "user",
  assistant: "assistant",
  gpt: "assistant",
  chatgpt: "assistant",
  bing: "assistant",
  bard: "assistant",
};
const RoleName = z.string().transform((name, context): Role => {
  const role = roles[name];
  if (role) return role;
  context.addIssue({ code: "custom", message: `no turns of the role "${name}"` });
  return z.NEVER;
});
const Messages = z.array(
  z.object({
    role: RoleName,
    content: Content,
    weight: z.number().nullish(),
    // Some exports write these at every turn, with nothing in them.
    tool_calls: z.array(z.never()).nullish(),
    function_call: z.null().optional(),
  }),
);
const oneOrMessages = (role: Role) => z.union([text.transform((content) => [{ role, content }]), Messages]);

/** The formats that are understood, each turned into turns. */
const formats = [
  // OpenAI's fine-tuning files, TRL's conversational form, and Patchbay's own.
  z.object({ messages: Messages }).transform(({ messages }) => messages),
  // TRL's prompt-completion form, plain or conversational.
  z
    .object({ prompt: oneOrMessages("user"), completion: oneOrMessages("assistant") })
    .transform(({ prompt, completion }) => [...prompt, ...completion]),
  // ShareGPT.
  z
    .object({ conversations: z.array(z.object({ from: RoleName, value: text })) })
    .transform(({ conversations }) =>
      conversations.map(({ from, value }) => ({ role: from, content: value })),
    ),
  // Alpaca.
  z
    .object({ instruction: text, input: text.optional(), output: text })
    .transform(({ instruction, input, output }) =>
      exchange([instruction, input].filter(Boolean).join("\n\n"), output),
    ),
  z.object({ question: text, answer: text }).transform(({ question, answer }) => exchange(question, answer)),
] as const satisfies readonly z.ZodType<Turn[]>[];

/** Columns of a table that hold the same thing, by the names that people give them. */
const COLUMNS = {
  question: ["question", "prompt", "instruction", "input", "user", "query"],
  answer: ["answer", "completion", "response", "output", "assistant", "reply"],
  label: ["label", "category", "intent", "class"],
} as const;

/**
 * Reads conversations in a common form: JSON lines or a JSON array of `messages`, `prompt` and `completion`, ShareGPT's
 * `conversations`, Alpaca's `instruction` and `output`, or `question` and `answer`; or a table (`.csv`, `.tsv`) with such
 * columns.
 * @param name file name: its ending tells tables from JSON, and rows without an id are named after it
 * @throws {PatchbayError} `data-invalid` where the file as a whole cannot be read
 */
export function importConversations(content: string, name: string): Import {
  const stem = name.replace(/\.[^.]*$/, "");
  const result: Import = { rows: [], refused: [] };
  const records = /\.[ct]sv$/i.test(name)
    ? tableRecords(withoutBom(content), name)
    : jsonRecords(withoutBom(content), name);
  records.forEach(({ where, value }, index) => {
    const read = value instanceof Error ? value.message : readRow(value, `${stem}-${index + 1}`);
    if (typeof read === "string") result.refused.push({ where, why: read });
    else result.rows.push(read);
  });
  return result;
}

interface Row {
  where: string;
  value: unknown;
}

function jsonRecords(content: string, name: string): Row[] {
  if (content.trimStart().startsWith("[")) {
    const all = parseJson(content);
    if (!Array.isArray(all)) throw new PatchbayError("data-invalid", `${name} is not JSON.`);
    return all.map((value, index) => ({ where: `${name} entry ${index + 1}`, value }));
  }
  return content.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const value = parseJson(line);
    return [{ where: `${name} line ${index + 1}`, value }];
  });
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return new Error("not JSON");
  }
}

function tableRecords(content: string, name: string): Row[] {
  const delimiter = delimiterOf(content.slice(0, content.indexOf("\n")), name);
  let records: { record: Record<string, string>; info: { lines: number } }[];
  try {
    records = parse(content, {
      columns: true,
      info: true,
      delimiter,
      skip_empty_lines: true,
      trim: true,
    });
  } catch (cause) {
    throw new PatchbayError(
      "data-invalid",
      `${name} is not a table: ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
      },
    );
  }
  const names = Object.keys(records[0]?.record ?? {});
  const column = (wanted: readonly string[]) =>
    names.find((each) => wanted.includes(each.trim().toLowerCase()));
  const [question, answer, label] = [column(COLUMNS.question), column(COLUMNS.answer), column(COLUMNS.label)];
  if (question === undefined || answer === undefined)
    throw new PatchbayError("data-invalid", `${name} has no columns for questions and answers.`, {
      hint: `It has: ${names.join(", ")}. Name them "question" and "answer".`,
    });
  return records.map(({ record, info }) => ({
    where: `${name} line ${info.lines}`,
    value: {
      question: record[question],
      answer: record[answer],
      ...(label !== undefined && record[label] && { label: record[label] }),
    },
  }));
}

/** Spreadsheets of half the world write semicolons. */
function delimiterOf(header: string, name: string): string {
  if (/\.tsv$/i.test(name)) return "\t";
  return header.split(";").length > header.split(",").length ? ";" : ",";
}

/** A conversation, or why it is none. */
function readRow(value: unknown, fallbackId: string): Imported | string {
  const parsed = z.union(formats).safeParse(value);
  if (!parsed.success) return whyNot(value);
  const turns = parsed.data;
  const learnt = answered(turns.filter(({ role }) => role !== "system"));
  if (learnt.length === 0) return "no question with an answer to learn from";
  if (learnt.some(isUnlearnt))
    return "an answer of weight 0 before others cannot be left out: every answer of a conversation is learnt";
  const system = turns.filter(({ role }) => role === "system").map(({ content }) => content.trim());
  const { id, label } = z
    .object({
      id: z
        .union([z.string().min(1), z.number()])
        .transform(String)
        .catch(fallbackId),
      label: z.string().min(1).optional().catch(undefined),
    })
    .parse(value);
  const conversation = ConversationSchema.safeParse({
    id,
    ...(label !== undefined && { label }),
    messages: learnt,
  });
  if (!conversation.success) return conversation.error.issues[0]?.message ?? "not a conversation";
  return { conversation: conversation.data, system: system.join("\n\n") || null };
}

const isUnlearnt = ({ role, weight }: Turn): boolean => role === "assistant" && weight === 0;

/** From the first question to the last answer to be learnt: what greets before and asks after teaches nothing. */
function answered(turns: Turn[]): Turn[] {
  const first = turns.findIndex(({ role }) => role === "user");
  const last = turns.findLastIndex((turn) => turn.role === "assistant" && !isUnlearnt(turn));
  return first < 0 ? [] : turns.slice(first, last + 1);
}

function whyNot(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "not a JSON object";
  const json = JSON.stringify(value);
  const unknownRole = json.match(/"(?:role|from)":"([^"]*)"/g)?.find((each) => {
    const name = each.split('"').at(-2) ?? "";
    return !(name in roles);
  });
  if (unknownRole) return `turns of the role ${unknownRole.split(":")[1]} cannot be learnt from`;
  if (/"(?:tool_calls":\[[^\]]|function_call":\{)/.test(json)) return "tool calls cannot be learnt from";
  if (/"(?:content|value)":null/.test(json)) return "a turn without text (null) cannot be learnt from";
  return `none of the known forms; it has the fields ${Object.keys(value).join(", ") || "none"}`;
}

const exchange = (question: string, answer: string): Turn[] => [
  { role: "user", content: question },
  { role: "assistant", content: answer },
];
