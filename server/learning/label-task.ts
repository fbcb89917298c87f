import type { ChatMessage } from "../engines/index.ts";
import type { Manifest } from "../registry/index.ts";
import type { Conversation, LabelledTurn } from "./dataset.ts";

export type LabelTask = NonNullable<Manifest["labelTask"]>;

/** What the model is asked to label a conversation's first user turn with; training and evaluation ask alike. */
export function labelPrompt({ question, labels }: LabelTask, text: string): ChatMessage[] {
  const system = `${question} Answer with one of these labels and nothing else:\n${labels.join("\n")}`;
  return [
    { role: "system", content: system },
    { role: "user", content: text },
  ];
}

/** The first user turns of these rows that have a gold label of this task, with whatever else a row has, such as its place. */
export const firstTurns = <T extends Conversation>(task: LabelTask, rows: readonly T[]) =>
  rows.flatMap(({ id, label, messages, ...rest }) =>
    label !== undefined && task.labels.includes(label)
      ? [{ ...rest, id, text: messages[0]?.content ?? "", label } satisfies LabelledTurn]
      : [],
  );

/** The gold labels of these rows, as indices; rows without one are left out. */
export const goldLabels = (task: LabelTask, rows: readonly Conversation[]): number[] =>
  firstTurns(task, rows).map(({ label }) => task.labels.indexOf(label));
