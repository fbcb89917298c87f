import type { ChatMessage } from "../engines/index.ts";
import type { Manifest } from "../registry/index.ts";
import type { Conversation } from "./dataset.ts";

export type LabelTask = NonNullable<Manifest["labelTask"]>;

/** What the model is asked to label a conversation's first user turn with; training and evaluation ask alike. */
export function labelPrompt({ question, labels }: LabelTask, { messages }: Conversation): ChatMessage[] {
  const system = `${question} Answer with one of these labels and nothing else:\n${labels.join("\n")}`;
  return [
    { role: "system", content: system },
    { role: "user", content: messages[0]?.content ?? "" },
  ];
}

/** Rows with a gold label of this task. */
export const labelledRows = ({ labels }: LabelTask, rows: readonly Conversation[]): Conversation[] =>
  rows.filter(({ label }) => label !== undefined && labels.includes(label));

/** The gold labels of these rows, as indices; rows without one are left out. */
export const goldLabels = (task: LabelTask, rows: readonly Conversation[]): number[] =>
  labelledRows(task, rows).map(({ label }) => task.labels.indexOf(label ?? ""));
