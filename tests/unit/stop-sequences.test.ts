import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StopSequences } from "../../server/engines/local/stop-sequences.ts";

/** What is seen of an answer that comes in these pieces. */
function seen(pieces: string[], sequences: string[]): string {
  const stop = new StopSequences(sequences);
  let text = "";
  for (const piece of pieces) {
    const next = stop.push(piece);
    text += next.text;
    if (next.ended) return text;
  }
  return text + stop.rest();
}

describe("stop sequences", () => {
  it("end an answer wherever they begin, also across pieces, the earliest of them first", () => {
    expect(seen(["one tw", "o three"], ["two"])).toBe("one ");
    expect(seen(["one two three"], ["three", "two"])).toBe("one ");
    expect(seen(["aa", "ab"], ["aab"])).toBe("a");
    expect(seen(["one tw"], ["two"])).toBe("one tw");
  });

  it("hold back nothing longer than it may still become one", () => {
    const stop = new StopSequences(["END"]);
    expect(stop.push("the E")).toEqual({ text: "the ", ended: false });
    expect(stop.push("N")).toEqual({ text: "", ended: false });
    expect(stop.push("emy")).toEqual({ text: "ENemy", ended: false });
  });

  it("cut the text at the same place however it is cut into pieces", () => {
    const few = fc.stringMatching(/^[ab\n]*$/);
    fc.assert(
      fc.property(
        fc.array(few),
        fc.array(
          few.filter((text) => text !== ""),
          { maxLength: 4 },
        ),
        (pieces, sequences) => {
          const whole = pieces.join("");
          const at = sequences.map((each) => whole.indexOf(each)).filter((index) => index >= 0);
          const text = seen(pieces, sequences);
          // In pieces a longer sequence that begins earlier may be overtaken by a shorter one that ends earlier.
          if (at.length === 0) expect(text).toBe(whole);
          else {
            expect(whole.startsWith(text)).toBe(true);
            expect(sequences.some((each) => whole.startsWith(each, text.length))).toBe(true);
            expect(sequences.every((each) => !text.includes(each))).toBe(true);
          }
        },
      ),
    );
  });
});
