import fs from "node:fs";
import { text } from "node:stream/consumers";
import { limits, PatchbayError } from "../protocol/index.ts";

/**
 * What is piped or redirected into the command, "" without. Other kinds of input (a terminal, a service manager's
 * socket) are not waited for: they may never end.
 * @throws {PatchbayError} `too-large`
 */
export async function pipedText(): Promise<string> {
  const input = fs.fstatSync(0);
  if (!input.isFIFO() && !input.isFile()) return "";
  const piped = (await text(process.stdin)).trim();
  if (piped.length > limits.messageChars)
    throw new PatchbayError(
      "too-large",
      `The input has ${piped.length} characters; ${limits.messageChars} are allowed.`,
      { hint: "Send the part that matters, as in: tail -n 50 server.log | npx patchbay chat …" },
    );
  return piped;
}

/** A question about what was piped in, or what was piped in as the question. */
export const withPiped = (question: string, piped: string): string =>
  [question.trim(), piped].filter(Boolean).join("\n\n");
