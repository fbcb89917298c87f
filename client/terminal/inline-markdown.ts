import { Lexer, type Token, type Tokens } from "marked";
import type { Style } from "./style.ts";

/** An emphasis or a link that is not closed within so many characters is text: nobody waits longer for words. */
const REACH = 400;

/** What may begin something; an underscore inside a word does not. */
const BEGINNING = /[`*\\[]|~~|!\[|(?<![\p{L}\p{N}_])_/gu;

/**
 * The words of one line with their emphasis, code and links, as far as they are certain: what may still be closed by
 * text to come is held back. Pieces of any size give the same.
 */
export class InlineMarkdown {
  readonly #style: Style;
  #text = "";
  #at = 0;

  constructor(style: Style) {
    this.#style = style;
  }

  write(piece: string): string {
    this.#text += piece;
    return this.#read(false);
  }

  end(): string {
    const shown = this.#read(true);
    this.#text = "";
    this.#at = 0;
    return shown;
  }

  #read(ended: boolean): string {
    let shown = "";
    while (this.#at < this.#text.length) {
      BEGINNING.lastIndex = this.#at;
      const next = BEGINNING.exec(this.#text)?.index ?? this.#text.length;
      if (next > this.#at) {
        const words = this.#text.slice(this.#at, next);
        // The first half of "![" or "~~".
        const held = !ended && next === this.#text.length && /[!~]$/.test(words) ? 1 : 0;
        shown += words.slice(0, words.length - held);
        this.#at = next - held;
        if (held > 0) return shown;
        continue;
      }
      const span = spanAt(this.#text.slice(this.#at, this.#at + REACH), ended, this.#style);
      if (span === null) return shown;
      shown += span.shown;
      this.#at += span.length;
    }
    return shown;
  }
}

interface Span {
  shown: string;
  /** Characters of the source. */
  length: number;
}

/** What begins a text: a span, or a sign that begins nothing; null: only what follows can tell. */
function spanAt(text: string, ended: boolean, style: Style): Span | null {
  const isAll = ended || text.length === REACH;
  if (text.startsWith("\\")) {
    if (text.length === 1 && !isAll) return null;
    return /^\\[!-/:-@[-`{-~]/.test(text) ? { shown: text.charAt(1), length: 2 } : { shown: "\\", length: 1 };
  }
  const [sign = ""] = /^(`+|\*+|_+|~+|!\[|\[)/.exec(text) ?? [];
  if (cannotOpen(text, sign)) return { shown: sign, length: sign.length };
  const [token] = Lexer.lexInline(text);
  if (token !== undefined && token.type !== "text" && (isAll || isSettled(token, text)))
    return { shown: render(token, style), length: token.raw.length };
  return isAll ? { shown: sign, length: sign.length } : null;
}

/**
 * What a run of signs closes depends on what stands behind it; and code and links, which may still be closed, bind tighter
 * than the emphasis that they begin in.
 */
const isSettled = (token: Token, text: string): boolean =>
  /[^*_~`]/.test(text.slice(token.raw.length)) && !beginsMore(token);

const beginsMore = (token: Token): boolean =>
  "tokens" in token
    ? (token.tokens?.some(beginsMore) ?? false)
    : token.type === "text" && /[`[]/.test(token.raw);

/** Stars before a space, and brackets without an address behind them, are just that. */
const cannotOpen = (text: string, sign: string): boolean =>
  /^[*_]/.test(sign) ? /\s/.test(text.charAt(sign.length)) : /^!?\[[^\]]*\][^([]/.test(text);

export const renderInline = (text: string, style: Style): string =>
  Lexer.lexInline(text)
    .map((token) => render(token, style))
    .join("");

function render(token: Token, style: Style): string {
  const inner = () => (token as Tokens.Strong).tokens.map((each) => render(each, style)).join("");
  switch (token.type) {
    case "strong":
      return style.bold(inner());
    case "em":
      return style.italic(inner());
    case "del":
      return style.strikethrough(inner());
    case "codespan":
      return style.cyan(token.text);
    case "escape":
      return token.text;
    case "link":
      return token.text === token.href
        ? style.underline(token.href)
        : `${style.underline(inner())} ${style.dim(`(${token.href})`)}`;
    case "image":
      return `${style.underline(token.text)} ${style.dim(`(${token.href})`)}`;
    default:
      return token.raw;
  }
}
