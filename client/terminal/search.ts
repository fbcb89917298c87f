import type { Conversation, Message } from "../sdk/index.ts";
import { isMistyped, type Word, wordsOf } from "./words.ts";

/** Characters that are shown before and behind a word that was found. */
const AROUND = 36;

export interface Searchable {
  conversation: Conversation;
  messages: readonly Message[];
}

/** A conversation in which all words stand, and the first of them with what stands around it. */
export interface Hit {
  conversation: Conversation;
  excerpt: { before: string; word: string; after: string };
}

export interface Hits {
  hits: Hit[];
  /** No conversation holds just these words: these hold words like them. */
  mistyped: boolean;
}

type Match = (word: string, wanted: string) => boolean;
const holds: Match = (word, wanted) => word.includes(wanted);
const resembles: Match = (word, wanted) => word.includes(wanted) || isMistyped(wanted, word);

/** Conversations in which every word of the query stands somewhere, title included, in the order in which they are given. */
export function searchConversations(query: string, conversations: readonly Searchable[]): Hits {
  const wanted = [...new Set(wordsOf(query).map(({ folded }) => folded))];
  const by = (match: Match) =>
    wanted.length === 0 ? [] : conversations.flatMap((each) => hitIn(each, wanted, match) ?? []);
  const hits = by(holds);
  return hits.length > 0 ? { hits, mistyped: false } : { hits: by(resembles), mistyped: true };
}

function hitIn({ conversation, messages }: Searchable, wanted: string[], match: Match): Hit | null {
  const found = [...messages.map(({ text }) => text), conversation.title].map((text) => {
    const words = wordsOf(text);
    const matches = wanted.map((each) => words.find(({ folded }) => match(folded, each)));
    return { text, matches };
  });
  if (!wanted.every((_, index) => found.some(({ matches }) => matches[index]))) return null;
  // The text that holds most of them, the first of these.
  const [best] = found.toSorted((one, other) => countOf(other.matches) - countOf(one.matches));
  const first = best?.matches.find((word) => word !== undefined);
  return best && first ? { conversation, excerpt: excerptOf(best.text, first) } : null;
}

const countOf = (matches: (Word | undefined)[]): number => matches.filter(Boolean).length;

function excerptOf(text: string, { start, end }: Word): Hit["excerpt"] {
  const from = Math.max(0, start - AROUND);
  const to = Math.min(text.length, end + AROUND);
  const before = from > 0 ? `…${text.slice(from, start).replace(/^\S*\s/, "")}` : text.slice(0, start);
  const after = to < text.length ? `${text.slice(end, to).replace(/\s\S*$/, "")}…` : text.slice(end);
  // What was cut within a long word may have lost half of a sign.
  const line = (part: string) => part.replace(/\p{Surrogate}/gu, "").replace(/\s+/g, " ");
  return { before: line(before), word: text.slice(start, end), after: line(after) };
}
