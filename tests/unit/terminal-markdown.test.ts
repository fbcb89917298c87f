import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answerTextFor } from "../../client/terminal/answer-text.ts";

const terminal = { isTTY: true };

/** What stands on the screen when all has come, piece by piece. */
function shown(pieces: string[], stream: { isTTY?: boolean } = terminal): string {
  const text = answerTextFor(stream);
  return pieces.map((piece) => text.write(piece)).join("") + text.end();
}
const bare = (...pieces: string[]) => stripVTControlCharacters(shown(pieces));

afterEach(() => vi.unstubAllEnvs());

describe("an answer in the terminal", () => {
  it("shows emphasis, code, links, headings, lists, quotations and rules without their signs", () => {
    const source = [
      "# Your *parcel*",
      "",
      "It is **on its way**, see `track` or [the map](https://example.org/map).",
      "- a first point",
      "  * [x] and __one__ below",
      "1. one more",
      "> said *they*",
      "---",
      "2 * 3 * 4 is snake_case_name, \\*really\\*, [1] and ~~not~~ so.",
    ].join("\n");
    expect(bare(source)).toBe(
      [
        "Your parcel",
        "",
        "It is on its way, see track or the map (https://example.org/map).",
        "• a first point",
        "  • [x] and one below",
        "1. one more",
        "│ said they",
        "─".repeat(40),
        "2 * 3 * 4 is snake_case_name, *really*, [1] and not so.",
      ].join("\n"),
    );
    expect(shown(["so **bold** it is"])).toBe("so \u001b[1mbold\u001b[22m it is");
  });

  it("leaves code as it is, to the last star, also in a quotation and where it never ends", () => {
    const code = "```sh\n# no heading\necho **$HOME** | wc\n\n  ``` x\n```";
    expect(bare(`${code}\n*after*`)).toBe(`${code}\nafter`);
    expect(bare("> ```\n> a * b * c\n> ```\n> *d*")).toBe("> ```\n> a * b * c\n> ```\n│ d");
    expect(bare("```\nfor (;;) *x*")).toBe("```\nfor (;;) *x*");
    expect(bare("```not``` a fence, *but* code")).toBe("not a fence, but code");
  });

  it("sets a table in columns once it is whole, by what its cells look like", () => {
    const rows = ["| plan | price |", "|---|--:|", "| **Basic** | 5 € |", "| 寿司 | 12 € |"];
    expect(bare(`${rows.join("\n")}\nThat is all.`)).toBe(
      ["plan  │ price", "──────┼──────", "Basic │   5 €", "寿司  │  12 €", "That is all."].join("\n"),
    );
    const text = answerTextFor(terminal);
    expect(text.write(`${rows.join("\n")}\n`)).toBe("");
    expect(stripVTControlCharacters(text.end())).toContain("Basic │");
    expect(bare("| no table\nat all")).toBe("| no table\nat all");
  });

  it("gives each word as soon as it is certain", () => {
    const text = answerTextFor(terminal);
    const given = ["Hello ", "there, ", "**bo", "ld** ", "and *neither", " closed\n"].map((piece) =>
      stripVTControlCharacters(text.write(piece)),
    );
    expect(given).toEqual(["Hello ", "there, ", "", "bold ", "and ", "*neither closed\n"]);
  });

  it("looks the same in whatever pieces it comes", () => {
    const sign = fc.constantFrom(
      ..."*_`~[]()!\\#>|-+=1.\n\n  ab\u00e9".split(""),
      "**",
      "```",
      "| a | b |\n",
      "|---|---|\n",
      "[x](y)",
      "word ",
    );
    const source = fc.array(sign, { maxLength: 60 }).map((signs) => signs.join(""));
    fc.assert(
      fc.property(source, fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (text, sizes) => {
        const pieces: string[] = [];
        for (let at = 0, turn = 0; at < text.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          pieces.push(text.slice(at, at + size));
          at += size;
        }
        expect(bare(...pieces)).toBe(bare(text));
      }),
      {
        numRuns: 2_000,
        examples: [
          ["*!**[", [1]],
          ["*```*#```", [1]],
          ["*[a*](b)", [1]],
        ],
      },
    );
  });

  it("lets no text steer the terminal", () => {
    expect(bare("\u001b]0;evil\u0007\u001b[2Jhello\r\u009b1A")).toBe("]0;evil[2Jhello1A");
    vi.stubEnv("NO_COLOR", "1");
    expect(shown(["\u001b[2J**hi**"])).toBe("[2J**hi**");
  });

  it("stays as the model wrote it in a pipe, and keeps its signs with NO_COLOR", () => {
    expect(shown(["# **a**", "\u001b[1m\n"], {})).toBe("# **a**\u001b[1m\n");
    vi.stubEnv("NO_COLOR", "1");
    expect(shown(["# **a**\n"])).toBe("# **a**\n");
  });
});
