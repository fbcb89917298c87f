import { styleText } from "node:util";

const formats = ["dim", "bold", "italic", "underline", "strikethrough", "red", "cyan"] as const;
type Format = (typeof formats)[number];

/** Formats for standard error or output; plain where it is no terminal or NO_COLOR is set. */
export type Style = Readonly<Record<Format, (text: string) => string>>;

/** https://no-color.org */
export const isStyled = (stream: { isTTY?: boolean }): boolean =>
  stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";

export const styleFor = (stream: { isTTY?: boolean }): Style => (isStyled(stream) ? styled : plain);

const styleOf = (format: (name: Format) => (text: string) => string): Style =>
  Object.fromEntries(formats.map((name) => [name, format(name)])) as Style;

export const plain = styleOf(() => (text) => text);
export const styled = styleOf((name) => (text) => styleText(name, text, { validateStream: false }));
