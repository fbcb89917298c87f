import path from "node:path";
import { readConversations } from "../../server/learning/index.ts";
import { type Context, shippedAdapters } from "./context.ts";

/** First questions of an adapter's held-out conversations: what people really ask it. */
export function questionsFor({ config }: Context, adapterId: string): string[] {
  const file = path.join(config.adaptersDir, adapterId, "dataset", "heldout.jsonl");
  return readConversations(file).map(({ messages }) => messages[0]?.content ?? "");
}

/** So many held-out questions, of each shipped expert in turns. */
export function mixedQuestions(context: Context, count: number): string[] {
  const pools = shippedAdapters(context).map(({ summary }) => questionsFor(context, summary.id));
  return Array.from({ length: count }, (_, index) => {
    const pool = pools[index % pools.length] ?? [];
    return pool[Math.floor(index / pools.length)] ?? "";
  });
}
