import type { ChatMessage, PromptEncoder } from "../engines/index.ts";
import type { Conversation, LabelledTurn } from "./dataset.ts";
import { type LabelTask, labelPrompt } from "./label-task.ts";

/** A row as the trainer reads it: token ids made by the server's own encoder. See adapters/trainer/README.md. */
export interface TrainingRow {
  id: string;
  task: "answer" | "label";
  input_ids: number[];
  completion_mask: (0 | 1)[];
  messages: ChatMessage[];
}

export const trainingRow = (encoder: PromptEncoder, systemPrompt: string, row: Conversation): TrainingRow =>
  encoded(encoder, row.id, "answer", [{ role: "system", content: systemPrompt }, ...row.messages]);

/** The turn's gold label as the answer to the label task. */
export const labelRow = (
  encoder: PromptEncoder,
  task: LabelTask,
  { id, text, label }: LabelledTurn,
): TrainingRow =>
  encoded(encoder, `${id}-label`, "label", [
    ...labelPrompt(task, text),
    { role: "assistant", content: label },
  ]);

function encoded(
  encoder: PromptEncoder,
  id: string,
  task: TrainingRow["task"],
  messages: ChatMessage[],
): TrainingRow {
  const { inputIds, completionMask } = encoder.trainingRow(messages);
  return { id, task, input_ids: inputIds, completion_mask: completionMask, messages };
}
