import { nearest } from "./words.ts";

/** What can be typed instead of a question: names, what follows them, and what they do. */
const commands = {
  up: ["[comment]", "the last answer was good; again to change it"],
  down: ["[comment]", "the last answer was bad"],
  unvote: ["", "take the vote back"],
  expert: ["[ID]", "let one expert answer everything here; /expert auto gives the choice back"],
  retry: ["[ID]", "answer the last question again, by another expert if named"],
  wrong: ["ID", "it should have been this expert (base: none): it answers now, and the router learns"],
  why: ["", "why this expert was chosen"],
  search: ["words", "find earlier conversations that hold all these words; without any, the latest ones"],
  open: ["N", "go on with a conversation of that list"],
  new: ["", "start a new conversation"],
  help: ["", "show this"],
  quit: ["", "leave (also Ctrl-D); Ctrl-C stops an answer"],
} as const satisfies Record<string, readonly [string, string]>;

export type CommandName = keyof typeof commands;

export type Input =
  | { is: "nothing" }
  | { is: "question"; text: string }
  | { is: "command"; name: CommandName; argument: string }
  | { is: "unknown"; name: string; meant: string | null };

/** Tells commands from questions. What merely begins with a slash, as a path does, is a question. */
export function readInput(text: string): Input {
  if (text === "") return { is: "nothing" };
  const [, name, argument = ""] = /^\/([a-z?]+)(?:[ \t]+(.*))?$/i.exec(text) ?? [];
  if (name === undefined) return { is: "question", text };
  const typed = synonyms[name.toLowerCase()] ?? name.toLowerCase();
  if (isCommand(typed)) return { is: "command", name: typed, argument: argument.trim() };
  return { is: "unknown", name, meant: nearest(typed, Object.keys(commands)) };
}

const synonyms: Record<string, CommandName> = { exit: "quit", q: "quit", "?": "help", h: "help" };

const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name);

const usages = Object.entries(commands).map(([name, [argument, what]]) => ({
  usage: `/${name} ${argument}`.trim(),
  what,
}));
const width = Math.max(...usages.map(({ usage }) => usage.length));

export const HELP = `${usages.map(({ usage, what }) => `  ${usage.padEnd(width)}  ${what}`).join("\n")}
A line that ends with \\, or Alt+Enter, goes on in the next; pasted lines are one question. Arrow up finds earlier
questions, those that begin with what is typed where something is.`;
