import { BASE } from "../protocol/index.ts";
import { randomNumbers } from "../random.ts";
import { wordsOf } from "./features.ts";
import type { Example } from "./turn.ts";

/** How often what somebody asks comes after something else. */
const SWITCHES = 0.6;
/** Follow-ups of up to so many words would fit anywhere. */
const VAGUE_WORDS = 7;
/** How many other turns each of them is heard after, and each of those that were written to fit anywhere. */
const TIMES = { vague: 3, followUp: 4 };
/** Rows made here are guesses. */
const WEIGHT = 0.6;

/**
 * Conversations that nobody wrote, so that the router learns when an expert should change: first turns after what
 * belonged to another label, and when not: short follow-ups ("the other one") after turns of any label, where they stay.
 * Experts' own conversations alone would teach it that nothing ever changes, and whose words their follow-ups are. Each
 * turn before has an answer, its own or another one of that label: without, an answer would be a sign that nothing changes.
 */
export function joinConversations(
  examples: readonly Example[],
  followUps: readonly string[],
  seed = 1,
): Example[] {
  const random = randomNumbers(seed);
  const firsts = examples.filter(({ before }) => !before);
  const later = examples.filter(({ before }) => before);
  const pick = <T>(rows: readonly T[]): T | undefined => rows[Math.floor(random() * rows.length)];
  const answered = examples.filter(({ answer }) => answer !== undefined);
  const labels = new Set(answered.map(({ label }) => label));
  const answers = new Map([...labels].map((label) => [label, answered.filter((row) => row.label === label)]));
  const after = ({ text, label, before, answer }: Example): NonNullable<Example["before"]> => ({
    earlier: [...(before?.earlier ?? []), text],
    assistant: answer ?? pick(answers.get(label) ?? [])?.answer ?? "",
    expert: label ?? BASE,
  });
  const switches = firsts.flatMap((row): Example[] => {
    const other = random() < SWITCHES ? pick(random() < 0.5 && later.length > 0 ? later : firsts) : undefined;
    return other && other.label !== row.label
      ? [{ ...row, group: row.text, weight: WEIGHT, before: after(other) }]
      : [];
  });
  const vague = later.filter(({ text }) => wordsOf(text).length <= VAGUE_WORDS);
  const stays = [
    ...vague.map(({ text, group = text }) => ({ text, group, times: TIMES.vague })),
    ...followUps.map((text) => ({ text, group: text, times: TIMES.followUp })),
  ];
  return [
    ...switches,
    ...stays.flatMap(({ text, group, times }) =>
      Array.from({ length: times }, (): Example[] => {
        const other = pick(firsts);
        return other ? [{ text, group, label: other.label, weight: WEIGHT, before: after(other) }] : [];
      }).flat(),
    ),
  ];
}
