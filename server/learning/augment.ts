import { randomNumbers } from "../random.ts";
import type { Conversation } from "./dataset.ts";

/*
 * Data augmentation: edits of prompts at the level of a paraphrase (as in Wei & Zou, 2019, arXiv 1901.11196, with edits
 * that people make themselves), never of answers. What is asked stays the same.
 */

type Random = () => number;
type Edit = (text: string, random: Random) => string;

const pick = <T>(items: readonly T[], random: Random): T => items[Math.floor(random() * items.length)] as T;

/** Ways of saying the same, each group interchangeable in nearly every sentence. */
const GROUPS: readonly (readonly string[])[] = [
  ["please", "kindly"],
  ["quickly", "fast"],
  ["help me with", "give me a hand with"],
  ["how do i", "how can i", "what is the best way to"],
  ["how can i", "how do i", "how would i"],
  ["what should i do", "what can i do", "what would you do"],
  ["i want to", "i would like to", "i'd like to"],
  ["i need to", "i have to", "i must"],
  ["can you", "could you", "would you"],
  ["is it ok to", "is it alright to", "is it fine to"],
  ["because", "since"],
  ["maybe", "perhaps"],
  ["really", "very"],
  ["a lot of", "plenty of", "loads of"],
  ["right now", "at the moment"],
  ["again and again", "over and over"],
  ["started", "began"],
  ["kids", "children"],
  ["buy", "get"],
  ["big", "large"],
];

const CONTRACTIONS: readonly (readonly [string, string])[] = [
  ["i am", "i'm"],
  ["do not", "don't"],
  ["does not", "doesn't"],
  ["did not", "didn't"],
  ["cannot", "can't"],
  ["is not", "isn't"],
  ["it is", "it's"],
  ["i have", "i've"],
  ["i would", "i'd"],
  ["what is", "what's"],
  ["that is", "that's"],
];

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Puts one wording in place of another, the first letter's case kept. */
function reword(text: string, from: string, to: string): string {
  return text.replace(new RegExp(`\\b${escaped(from)}\\b`, "i"), (found) =>
    found[0] === found[0]?.toUpperCase() ? to.charAt(0).toUpperCase() + to.slice(1) : to,
  );
}

const otherWords: Edit = (text, random) => {
  const lower = text.toLowerCase();
  let edited = text;
  for (const group of GROUPS) {
    const [first = ""] = group;
    if (new RegExp(`\\b${escaped(first)}\\b`).test(lower) && random() < 0.7)
      edited = reword(edited, first, pick(group.slice(1), random));
  }
  return edited;
};

const contractions: Edit = (text, random) =>
  CONTRACTIONS.reduce((edited, [long, short]) => {
    const [from, to] = random() < 0.5 ? [long, short] : [short, long];
    return reword(edited, from, to);
  }, text);

const opening: Edit = (text, random) => {
  const start = pick(
    ["Hi, ", "Hello! ", "Hey, ", "Good morning. ", "Quick question: ", "Sorry to bother you, "],
    random,
  );
  const keepsCase = start.endsWith("! ") || start.endsWith(". ") || /^I\b/.test(text);
  return start + (keepsCase ? text : text.charAt(0).toLowerCase() + text.slice(1));
};

const closing: Edit = (text, random) =>
  text + pick([" Thanks!", " thank you", " Any ideas?", " Please help."], random);

const lowerCase: Edit = (text) => text.toLowerCase();

const withoutPunctuation: Edit = (text) => text.replace(/[?!.,;:]+(?=\s|$)/g, "");

/** A slip of the fingers in one word in twelve: a letter left out, doubled, or swapped with the next. */
const typos: Edit = (text, random) =>
  text.replace(/[a-z]{4,}/gi, (word) => {
    if (random() >= 1 / 12) return word;
    const at = 1 + Math.floor(random() * (word.length - 2));
    const [before, letter, after] = [word.slice(0, at), word.charAt(at), word.slice(at + 1)];
    return pick(
      [before + after, before + letter + letter + after, before + after.charAt(0) + letter + after.slice(1)],
      random,
    );
  });

const EDITS: readonly Edit[] = [
  otherWords,
  contractions,
  opening,
  closing,
  lowerCase,
  withoutPunctuation,
  typos,
];

/** The same conversation asked in another way; its answers and its label are untouched. Two or three edits a turn. */
export function paraphrase<T extends Conversation>(row: T, seed: number): T {
  const random = randomNumbers(seed);
  const messages = row.messages.map((turn) => {
    if (turn.role !== "user") return turn;
    const wanted = new Set(Array.from({ length: 3 }, () => pick(EDITS, random)));
    const content = EDITS.filter((edit) => wanted.has(edit)).reduce(
      (text, edit) => edit(text, random),
      turn.content,
    );
    return { ...turn, content };
  });
  return { ...row, id: `${row.id}-paraphrase`, messages };
}

/** Every row and a paraphrase of it, which belongs on its parent's side of a split. Rows that came out unchanged stay single. */
export function augment<T extends Conversation>(rows: readonly T[], seed: number): T[] {
  return rows.flatMap((row, index) => {
    const child = paraphrase(row, seed * 1_000_003 + index);
    const changed = child.messages.some(({ content }, turn) => content !== row.messages[turn]?.content);
    return changed ? [row, child] : [row];
  });
}
