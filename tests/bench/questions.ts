import path from "node:path";
import { readConversations } from "../../server/learning/index.ts";
import type { Context } from "./context.ts";

/** First questions of an adapter's held-out conversations: what people really ask it. */
export function questionsFor({ config }: Context, adapterId: string): string[] {
  const file = path.join(config.adaptersDir, adapterId, "dataset", "heldout.jsonl");
  return readConversations(file).map(({ messages }) => messages[0]?.content ?? "");
}
