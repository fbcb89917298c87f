import fs from "node:fs";
import { limits } from "../protocol/index.ts";

/** What was piped or redirected into a command. */
export interface Piped {
  /** Its end: the end of a log says what broke. */
  text: string;
  /** Characters before it. */
  leftOut: number;
}

/** Share of the model's context for what was piped in; prompt, question and answer have the rest. */
const SHARE = 0.75;

/**
 * Has no fewer pieces than a text has tokens, and a third more at most, in logs, code and English (SmolLM2, Gemma 3):
 * their tokenizers take digits and most signs one by one.
 */
const PIECE = / ?[a-z]{1,5}|\s+|./gis;

/**
 * Waits for the end of what is piped in; empty without. Other kinds of input (a terminal, a service manager's socket) are
 * not waited for: they may never end.
 */
export async function readPiped(): Promise<Piped> {
  const input = fs.fstatSync(0);
  let piped: Piped = { text: "", leftOut: 0 };
  if (!input.isFIFO() && !input.isFile()) return piped;
  for await (const text of process.stdin.setEncoding("utf8"))
    piped = endOf({ ...piped, text: piped.text + text }, limits.messageChars);
  return { ...piped, text: piped.text.trim() };
}

/** As much of the end as goes into one message with the question. */
export const endBeside = (question: string, piped: Piped): Piped =>
  endOf(piped, limits.messageChars - (withPiped(question, piped).length - piped.text.length));

/** As many characters of the end. */
function endOf({ text, leftOut }: Piped, chars: number): Piped {
  const from = Math.max(0, text.length - Math.max(0, chars));
  return { text: text.slice(from), leftOut: leftOut + from };
}

/** As much of the end as a context of so many tokens holds by estimate; half of it, where that was no less. */
export function shortened(piped: Piped, contextSize: number): Piped {
  const pieces = piped.text.match(PIECE) ?? [];
  const room = Math.floor(contextSize * SHARE);
  const kept = pieces.length > room ? room : Math.floor(pieces.length / 2);
  return endOf(piped, pieces.slice(pieces.length - kept).join("").length);
}

/** A question about what was piped in, or what was piped in as the question. */
export const withPiped = (question: string, { text }: Piped): string =>
  [question, text].filter(Boolean).join("\n\n");
