import { lexer, type Tokens } from "marked";
import { InlineMarkdown, renderInline } from "./inline-markdown.ts";
import { plain, type Style } from "./style.ts";
import { widthOf } from "./width.ts";

/** A line of nothing but these may yet become a heading, an item, a rule, a fence or a quotation. */
const UNDECIDED = /^\s*(#{0,6}\s*|[-*_+=>`~\s]*)$/;
/** Also inside a quotation. Behind backticks nothing with a backtick: that would be code in a line. */
const FENCE = /^[\s>]*(`{3,}(?=[^`]*$)|~{3,})/;
const FENCE_END = /^[\s>]*(`*|~*)\s*$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const RULE_WIDTH = 40;

/** What the line that is being written belongs to. */
type Place =
  | { is: "line-start" }
  | { is: "words"; wrap: (text: string) => string }
  | { is: "code"; fence: string; midLine: boolean }
  /** Columns are as wide as their widest cell. */
  | { is: "table"; rows: string[] };

/**
 * Markdown as a terminal shows it, while it comes: words as soon as their meaning is certain, a table when it is whole.
 * Nothing that was given out is taken back, so no cursor moves.
 */
export class MarkdownText {
  readonly #style: Style;
  readonly #inline: InlineMarkdown;
  #place: Place = { is: "line-start" };
  /** Of the line that is being written, what nothing was made of yet. */
  #held = "";

  constructor(style: Style) {
    this.#style = style;
    this.#inline = new InlineMarkdown(style);
  }

  /** @returns what can be shown now */
  write(piece: string): string {
    const [first = "", ...more] = piece.split("\n");
    let shown = this.#continue(first);
    for (const line of more) shown += this.#endLine() + this.#continue(line);
    return shown;
  }

  end(): string {
    return `${this.#endLine()}${this.#endTable()}`.replace(/\n$/, "");
  }

  #continue(piece: string): string {
    this.#held += piece;
    switch (this.#place.is) {
      case "line-start":
        return this.#begin();
      case "words":
        return this.#words(this.#place.wrap);
      case "code":
        return this.#code(this.#place);
      case "table":
        return this.#held === "" || /^\s*(\||$)/.test(this.#held) ? "" : this.#endTable() + this.#begin();
      default:
        return this.#place satisfies never;
    }
  }

  #endLine(): string {
    switch (this.#place.is) {
      case "line-start":
        return this.#endUndecided();
      case "words": {
        const { wrap } = this.#place;
        const shown = this.#words(wrap) + nonEmpty(wrap, this.#inline.end());
        this.#place = { is: "line-start" };
        return `${shown}\n`;
      }
      case "code":
        return this.#endCodeLine(this.#place);
      case "table":
        if (this.#held.trim() === "") return `${this.#endTable()}${this.#endUndecided()}`;
        this.#place.rows.push(this.#take());
        return "";
      default:
        return this.#place satisfies never;
    }
  }

  /** Looks at a line's beginning for what it is. */
  #begin(): string {
    if (UNDECIDED.test(this.#held) || FENCE.test(this.#held)) return "";
    if (/^\s*\|/.test(this.#held)) {
      this.#place = { is: "table", rows: [] };
      return "";
    }
    const { shown, wrap, rest } = this.#lineStart(this.#held);
    this.#held = rest;
    // What stands behind a quotation's mark begins like a line.
    if (wrap === null) return shown + this.#begin();
    this.#place = { is: "words", wrap };
    return shown + this.#words(wrap);
  }

  #lineStart(line: string): { shown: string; wrap: ((text: string) => string) | null; rest: string } {
    const { bold, dim } = this.#style;
    const asItIs = (text: string) => text;
    const [quote] = /^\s*>\s?/.exec(line) ?? [];
    if (quote) return { shown: dim("│ "), wrap: null, rest: line.slice(quote.length) };
    const [heading] = /^ {0,3}#{1,6}\s+/.exec(line) ?? [];
    if (heading) return { shown: "", wrap: bold, rest: line.slice(heading.length) };
    const [item, indent = ""] = /^(\s*)[-*+]\s+/.exec(line) ?? [];
    if (item) return { shown: `${indent}• `, wrap: asItIs, rest: line.slice(item.length) };
    const [space = ""] = /^\s*/.exec(line) ?? [];
    return { shown: space, wrap: asItIs, rest: line.slice(space.length) };
  }

  #words(wrap: (text: string) => string): string {
    return nonEmpty(wrap, this.#inline.write(this.#take()));
  }

  /** A line of marks alone, or an empty one. */
  #endUndecided(): string {
    const line = this.#take();
    const [, fence] = FENCE.exec(line) ?? [];
    if (fence) {
      this.#place = { is: "code", fence, midLine: false };
      return `${this.#style.dim(line)}\n`;
    }
    this.#place = { is: "line-start" };
    if (RULE.test(line)) return `${this.#style.dim("─".repeat(RULE_WIDTH))}\n`;
    return `${line.trim() === "" ? "" : line}\n`;
  }

  /** Line by line as it comes, but for what may be its end. */
  #code(place: Extract<Place, { is: "code" }>): string {
    const mayEnd = !place.midLine && FENCE_END.test(this.#held);
    if (this.#held === "" || mayEnd) return "";
    place.midLine = true;
    return this.#style.cyan(this.#take());
  }

  #endCodeLine(place: Extract<Place, { is: "code" }>): string {
    const line = this.#take();
    const isEnd = !place.midLine && FENCE_END.exec(line)?.[1]?.startsWith(place.fence);
    place.midLine = false;
    if (!isEnd) return `${nonEmpty(this.#style.cyan, line)}\n`;
    this.#place = { is: "line-start" };
    return `${this.#style.dim(line)}\n`;
  }

  #endTable(): string {
    if (this.#place.is !== "table") return "";
    const source = this.#place.rows.map((row) => `${row}\n`).join("");
    this.#place = { is: "line-start" };
    const [table] = lexer(source);
    return table?.type === "table" ? renderTable(table as Tokens.Table, this.#style) : source;
  }

  #take(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }
}

const nonEmpty = (wrap: (text: string) => string, text: string): string => (text === "" ? "" : wrap(text));

function renderTable({ header, rows, align }: Tokens.Table, style: Style): string {
  const cells = [header, ...rows].map((row, index) =>
    row.map(({ text }) => ({
      shown: index === 0 ? style.bold(renderInline(text, style)) : renderInline(text, style),
      width: widthOf(renderInline(text, plain)),
    })),
  );
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.width ?? 0)));
  const lines = cells.map((row) =>
    row
      .map(({ shown, width }, column) => {
        const gap = " ".repeat((widths[column] ?? 0) - width);
        return align[column] === "right" ? gap + shown : shown + gap;
      })
      .join(style.dim(" │ ")),
  );
  const rule = style.dim(widths.map((width) => "─".repeat(width)).join("─┼─"));
  return [lines[0], rule, ...lines.slice(1)].map((line) => `${line}\n`).join("");
}
