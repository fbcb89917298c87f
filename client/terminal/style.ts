import { styleText } from "node:util";

/** Formats for standard error or output; plain where it is no terminal or NO_COLOR is set. */
export interface Style {
  dim(text: string): string;
  bold(text: string): string;
  red(text: string): string;
  cyan(text: string): string;
}

export function styleFor(stream: { isTTY?: boolean }): Style {
  const coloured = stream.isTTY === true && !process.env.NO_COLOR;
  const format = (name: "dim" | "bold" | "red" | "cyan") => (text: string) =>
    coloured ? styleText(name, text) : text;
  return { dim: format("dim"), bold: format("bold"), red: format("red"), cyan: format("cyan") };
}
