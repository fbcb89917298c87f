import type { ChatMessage } from "../../engines/index.ts";
import type { Answered } from "./judge-answers.ts";
import type { Texts } from "./measure-side.ts";
import type { Sample, Sides } from "./report.ts";

/** Rows that are answered anew: enough for a direction, few enough to wait for. */
const ANSWERED_ROWS = 24;
const SHOWN_ANSWERS = 10;

/** Both sides are asked with the same. */
export interface Prompt {
  messages: ChatMessage[];
  /** The answer that stands in the data set. */
  reference: string;
}

/** Each row up to its last answer, which is what both sides are asked for. */
export const promptsOf = ({ systemPrompt, rows }: Texts): Prompt[] =>
  spread(rows, ANSWERED_ROWS).map((row) => ({
    messages: [{ role: "system", content: systemPrompt }, ...row.messages.slice(0, -1)],
    reference: row.messages.at(-1)?.content ?? "",
  }));

/** What people see side by side: files go from topic to topic, so it is taken from all over the answers. */
export const samplesOf = (prompts: readonly Prompt[], { against, candidate }: Sides<Answered[]>): Sample[] =>
  spread([...prompts.entries()], SHOWN_ANSWERS).map(([index, { messages, reference }]) => ({
    prompt: messages.at(-1)?.content ?? "",
    against: against[index]?.answer ?? "",
    candidate: candidate[index]?.answer ?? "",
    reference,
  }));

/** So many rows from all over the file. */
export function spread<T>(rows: readonly T[], count: number): T[] {
  if (rows.length <= count) return [...rows];
  return Array.from({ length: count }, (_, index) => rows[Math.floor((index * rows.length) / count)] as T);
}
