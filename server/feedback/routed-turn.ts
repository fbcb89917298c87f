import type { generationForSnapshot } from "../../db/index.ts";

type GenerationRow = NonNullable<Awaited<ReturnType<typeof generationForSnapshot>>>;

/** Earlier user turns that are kept; the router looks at fewer. */
const MAX_EARLIER = 4;

/** A turn as the router heard it, and who was chosen. */
export interface RoutedTurn {
  turn: {
    text: string;
    before: { earlier: string[]; assistant: string; expert: string | null } | null;
  };
  answeredBy: string;
  head: string;
}

/**
 * From the messages that the model read, which also hold what callers of the API said before.
 * @param previous whom the answer before was by, where that is known
 * @returns null where the answer never got as far as a prompt
 */
export function buildTurn(row: GenerationRow, previous: string | null): RoutedTurn | null {
  if (!row.prompt_json || !row.expert_json) return null;
  const messages: { role: string; content: string }[] = JSON.parse(row.prompt_json);
  const said = messages.filter(({ role }) => role !== "system");
  const question = said.findLastIndex(({ role }) => role === "user");
  const before = said.slice(0, Math.max(0, question));
  const earlier = before.filter(({ role }) => role === "user").map(({ content }) => content);
  const assistant = before.findLast(({ role }) => role === "assistant")?.content ?? "";
  return {
    turn: {
      text: said[question]?.content ?? "",
      before:
        earlier.length === 0 ? null : { earlier: earlier.slice(-MAX_EARLIER), assistant, expert: previous },
    },
    answeredBy: JSON.parse(row.expert_json).id,
    head: row.head ?? "",
  };
}
