import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BUCKETS, vectorise, vectoriseTurn, wordsOf } from "../../server/routing/features.ts";

const keys = (text: string): string[] => wordsOf(text).map(({ key }) => key);

function similarity(a: string, b: string): number {
  const [left, right] = [vectorise(a), vectorise(b)];
  const values = new Map([...right.buckets].map((bucket, i) => [bucket, right.values[i] ?? 0]));
  return [...left.buckets].reduce(
    (sum, bucket, i) => sum + (left.values[i] ?? 0) * (values.get(bucket) ?? 0),
    0,
  );
}

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme", maxLength: 400 }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("latin1")),
);

describe("the features of a text", () => {
  it("form a unit vector of ascending buckets, whatever the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { buckets, values } = vectorise(text);
        expect(values).toHaveLength(buckets.length);
        buckets.forEach((bucket, i) => {
          expect(bucket).toBeLessThan(BUCKETS);
          if (i > 0) expect(bucket).toBeGreaterThan(buckets[i - 1] ?? Number.POSITIVE_INFINITY);
        });
        if (buckets.length > 0) expect(Math.hypot(...values)).toBeCloseTo(1, 5);
      }),
    );
  });

  it("lead back to words of the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { words, places, buckets } = vectoriseTurn({ text, before: null });
        expect(places).toHaveLength(buckets.length);
        for (const { word, span } of places.flat()) expect(words[word + span - 1]).toBeDefined();
      }),
    );
  });

  it("do not change with case, width or the kind of apostrophe", () => {
    expect(vectorise("I DON’T KNOW")).toEqual(vectorise("i don't know"));
    expect(vectorise("ｒｅｆｕｎｄ")).toEqual(vectorise("refund"));
  });

  it("are none for an empty text", () => {
    expect(vectorise(" \n\t?!").buckets).toHaveLength(0);
  });

  it("make sums with other figures look alike", () => {
    expect(keys("$8,000 minus 40% of 12.5, order 48213")).toEqual([
      "#money",
      "minus",
      "#percent",
      "of",
      "#number",
      "order",
      "#code",
    ]);
    expect(vectorise("Tom has 5 apples")).toEqual(vectorise("Tom has 17 apples"));
  });

  it("keep a word with a typo closer than another word", () => {
    expect(similarity("refund", "refunnd")).toBeGreaterThan(similarity("refund", "headache") + 0.1);
  });

  it("know other scripts and emoji", () => {
    expect(keys("Привет мир 👍 你好")).toEqual(["привет", "мир", "👍", "你好"]);
  });

  it("stay quick on a huge text and hear its beginning and its end", () => {
    const words = keys(`refund ${"x".repeat(5_000_000)} headache`);
    expect(words[0]).toBe("refund");
    expect(words.at(-1)).toBe("headache");
  });
});
