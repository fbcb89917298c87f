import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decide, toExamples, trainHead } from "../../server/routing/index.ts";
import { lastSentence, textsToEmbed } from "../../server/routing/turn.ts";

describe("the last sentence", () => {
  it.each([
    ["thanks, that works. now a hotel please", "now a hotel please"],
    ["thanks! now a hotel, please?! ...\n", "now a hotel, please?! ..."],
    ["where?\nin paris", "in paris"],
    ["one sentence", "one sentence"],
    [" ?!\n", "?!"],
    ["", ""],
  ])("of %j is %j", (text, last) => {
    expect(lastSentence(text)).toBe(last);
  });

  it("is what has no end of a sentence inside, up to the end of the text", () => {
    const pieces = fc.constantFrom("a", "word", "é👍", ",", " ", ".", "!", "?", "\n", "\t", "\r\n", "\u2028");
    const texts = fc.array(pieces, { maxLength: 12 }).map((some) => some.join(""));
    fc.assert(
      fc.property(texts, texts, (start, end) => {
        const text = `${start}x${end}`;
        expect(lastSentence(text)).toBe(text.match(/[^.!?\n]+[.!?\s]*$/)?.[0].trim());
      }),
    );
  });
});

describe("a conversation with a text in it that is very long", () => {
  const dialogues = ["shop", "garden"].map((label) => ({
    turns: [
      { user: `a question about the ${label}`, assistant: "Which one?", label },
      { user: "the blue one", label },
    ],
  }));
  const head = trainHead(toExamples(dialogues));

  it.each([
    ["words without an end", "and then ".repeat(120_000)],
    ["letters alone", "x".repeat(1_000_000)],
    ["spaces before a full stop", `${" ".repeat(16_000)}.y`],
    ["a megabyte of spaces", `a${" ".repeat(1_000_000)}b`],
    ["full stops and spaces", `${". ".repeat(500_000)}y`],
    ["nothing but full stops and spaces", "a ".concat(". ".repeat(500_000))],
  ])("is decided soon: %s", (_, text) => {
    const before = { earlier: [text], assistant: text, expert: "shop" };
    expect(textsToEmbed({ text, before })[1]).toBe(lastSentence(text));
    const { domain } = decide(head, {
      turns: [
        { role: "user", text },
        { role: "assistant", text },
        { role: "user", text },
      ],
      previous: "shop",
    });
    expect(head.labels).toContain(domain);
  });
});
