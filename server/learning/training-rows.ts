import type { ChatMessage, PromptEncoder } from "../engines/index.ts";
import type { Conversation } from "./dataset.ts";

/** A row as the trainer reads it: token ids made by the server's own encoder. See adapters/trainer/README.md. */
export interface TrainingRow {
  id: string;
  input_ids: number[];
  completion_mask: (0 | 1)[];
  messages: ChatMessage[];
}

export function trainingRow(encoder: PromptEncoder, systemPrompt: string, row: Conversation): TrainingRow {
  const messages: ChatMessage[] = [{ role: "system", content: systemPrompt }, ...row.messages];
  const { inputIds, completionMask } = encoder.trainingRow(messages);
  return { id: row.id, input_ids: inputIds, completion_mask: completionMask, messages };
}
