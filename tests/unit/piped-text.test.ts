import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { endBeside, shortened, withPiped } from "../../server/cli/piped-text.ts";
import { limits } from "../../server/protocol/index.ts";

const piped = (text: string) => ({ text, leftOut: 0 });

describe("what is piped in beside a question", () => {
  it("is its end, with every character before it counted, and shorter each time it was too long", () => {
    const texts = fc.string({ unit: fc.constantFrom("a", "Z", "7", " ", "\n", "é", "→"), maxLength: 400 });
    const property = fc.property(texts, fc.integer({ min: 8, max: 200 }), (text, contextSize) => {
      for (let kept = piped(text); kept.text !== ""; ) {
        const next = shortened(kept, contextSize);
        expect(next.text.length).toBeLessThan(kept.text.length);
        expect(text.slice(next.leftOut)).toBe(next.text);
        kept = next;
      }
    });
    fc.assert(property);
  });

  it("fills a message together with it and goes no further", () => {
    const long = piped(`${"x".repeat(limits.messageChars)}end`);
    for (const question of ["", "What broke?", "?".repeat(limits.messageChars - 3)])
      expect(withPiped(question, endBeside(question, long))).toHaveLength(limits.messageChars);
    expect(endBeside("?".repeat(limits.messageChars), long)).toMatchObject({ text: "" });
    expect(endBeside("What broke?", piped("all of it"))).toEqual(piped("all of it"));
  });

  it("keeps as many digits as three quarters of the context has tokens, and far more of words", () => {
    const kept = (text: string) => shortened(piped(text), 2048).text.length;
    expect(kept("0123456789".repeat(1_600))).toBe(1536);
    expect(kept("The payment was refused since the card had expired. ".repeat(300))).toBeGreaterThan(5_000);
  });
});
