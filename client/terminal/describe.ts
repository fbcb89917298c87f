import { type AdapterSummary, type Answer, BASE, type Conversation, isPromptAlone } from "../sdk/index.ts";
import { withoutControls } from "./answer-text.ts";
import type { Hit } from "./search.ts";
import type { Style } from "./style.ts";

export const percent = (share: number): string => `${Math.round(share * 100)}%`;

/** The line above an answer. */
export function chip({ expert, decision }: Answer): string {
  const sure = decision?.pinned ? "pinned" : percent(decision?.confidence ?? 0);
  const alone = expert && isPromptAlone(expert) ? " · prompt alone" : "";
  return `○─● ${expert?.id === BASE ? "base model" : expert?.title} · ${sure}${alone}`;
}

export function explain({ decision, expert }: Answer): string {
  if (!decision || !expert) return "No expert was chosen.";
  const runnerUp = decision.runnerUp
    ? `; next: ${decision.runnerUp.domain} ${percent(decision.runnerUp.confidence)}`
    : "";
  const elsewhere = expert.remote ? ` by ${expert.remote.model} on ${expert.remote.engine}` : "";
  const spoken = decision.evidence.map(({ feature }) => feature).join(", ");
  const words = spoken && ` Words that spoke for it: ${spoken}.`;
  const heard = decision.heard === "words" ? " It went by words alone." : "";
  return `${expert.version ?? expert.id}${elsewhere}, ${percent(decision.confidence)} sure${runnerUp}. ${decision.reason}.${words}${heard}`;
}

export const expertList = (adapters: readonly AdapterSummary[]): string =>
  [...adapters.map(({ id, description }) => [id, description]), [BASE, "the base model alone"]]
    .map(([id = "", description]) => `  ${id.padEnd(16)}${description}`)
    .join("\n");

const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

/** A numbered line of a list of conversations, and below it what was found there. */
export function listed(
  number: number,
  { title, updatedAt }: Conversation,
  excerpt: Hit["excerpt"] | null,
  style: Style,
): string {
  const head = `${String(number).padStart(3)}  ${withoutControls(title)} ${style.dim(`· ${day.format(new Date(updatedAt))}`)}`;
  if (!excerpt) return head;
  const { before, word, after } = excerpt;
  return `${head}\n     ${style.dim(withoutControls(before))}${style.bold(withoutControls(word))}${style.dim(withoutControls(after))}`;
}
