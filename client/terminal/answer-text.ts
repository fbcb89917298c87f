import { MarkdownText } from "./markdown-text.ts";
import { isStyled, styled } from "./style.ts";

/** The text of an answer while it comes: each method gives what is to be written out. */
export interface AnswerText {
  write(piece: string): string;
  end(): string;
}

/** Signs by which a text could steer the terminal, among them the beginning of every escape sequence. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

export const withoutControls = (text: string): string => text.replace(CONTROLS, "");

/** Rendered Markdown in a terminal, its source where NO_COLOR is set; anywhere else exactly what the model wrote. */
export function answerTextFor(stream: { isTTY?: boolean }): AnswerText {
  if (stream.isTTY !== true) return { write: (piece) => piece, end: () => "" };
  if (!isStyled(stream)) return { write: withoutControls, end: () => "" };
  const markdown = new MarkdownText(styled);
  return { write: (piece) => markdown.write(withoutControls(piece)), end: () => markdown.end() };
}
