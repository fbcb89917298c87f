import type { Conversation } from "../../../sdk/index.ts";

export interface Period {
  title: string;
  conversations: Conversation[];
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** Splits a newest-first list where a reader would: today, yesterday, the last week, before. */
export function periods(conversations: readonly Conversation[], now: Date): Period[] {
  const groups: Period[] = [];
  for (const conversation of conversations) {
    const title = periodOf(new Date(conversation.updatedAt), now);
    const last = groups.at(-1);
    if (last?.title === title) last.conversations.push(conversation);
    else groups.push({ title, conversations: [conversation] });
  }
  return groups;
}

function periodOf(date: Date, now: Date): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (date.getTime() >= midnight) return "Today";
  if (date.getTime() >= midnight - DAY_MS) return "Yesterday";
  return date.getTime() >= midnight - 7 * DAY_MS ? "Last seven days" : "Earlier";
}
