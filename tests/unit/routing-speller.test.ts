import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spell, vocabularyOf } from "../../server/routing/speller.ts";

const examples = [
  "could you translate this sentence into french",
  "how do you say hello in french",
  "could you send money to my savings account",
  "my savings account is at zero, could you help",
  "dinner is late",
  "dinner is cold",
];
const vocabulary = vocabularyOf(examples, ["diner", "frank", "hallo"]);

describe("spelling", () => {
  it.each([
    ["a letter left out", "how do you say it in frnch", "how do you say it in french"],
    ["a letter doubled", "could you sendd it into my saavings", "could you sendd it into my savings"],
    ["a letter changed", "into frenxh please", "into french please"],
    ["two letters swapped", "my acocunt", "my account"],
    ["a capital", "My Acocunt!", "My account!"],
    ["two slips in a long word", "my acocutn", "my account"],
  ])("puts right %s, where the word was seen more than once", (_, written, meant) => {
    expect(spell(written, vocabulary)).toBe(meant);
  });

  it.each([
    ["words of the language, however near", "the diner, said frank"],
    ["words of up to three letters", "cuold yuo on sa"],
    ["shorter words that are two slips away", "frnehc"],
    ["numbers, codes and signs", "x4fz-99 + 3.14 = ½ 🙂"],
    ["other scripts", "どこで食べますか привет"],
  ])("leaves %s alone", (_, text) => {
    const spelt = spell(text, vocabulary);
    expect(spelt).toBe(text.replace("cuold", "could"));
  });

  it("takes a word that fingers are likely to have meant before a more frequent one", () => {
    const seen = ["while", "while", "will", "will", "will", "will"];
    expect(spell("wile", vocabularyOf(seen, []))).toBe("while");
    // The key of e lies far from that of l.
    expect(spell("wille", vocabularyOf(seen, []))).toBe("will");
  });

  it("leaves a text in another language alone, even where single words are near", () => {
    const text =
      "quiero traducir esta frase larga porque nadie aquí entiende nunca cuando hablamos todos juntos acocunt";
    expect(spell(text, vocabulary)).toBe(text);
  });

  it.each([
    ["French", "fuel", "quel film me conseillez-vous ce soir"],
    ["German", "sent", "mein kopf tut seit montag weh"],
    ["Spanish", "lines", "me duele la cabeza desde el lunes"],
  ])("leaves a short sentence in %s alone, even where %j is near", (_, near, text) => {
    expect(spell(text, vocabularyOf([...examples, near, near], ["film"]))).toBe(text);
  });

  it.each([
    ["could you sned monye to my savinsg acount", "could you send money to my savings account"],
    ["frenhc senetnce", "french sentence"],
    ["how do yuo say helol in frnech", "how do yuo say hello in french"],
  ])("puts right several slips in a short sentence: %s", (written, meant) => {
    expect(spell(written, vocabularyOf([...examples, ...examples], []))).toBe(meant);
  });

  it("knows no slips without words", () => {
    expect(spell("my acocunt", new Map())).toBe("my acocunt");
  });

  it("takes any text, keeps what stands between words, and settles at once", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        const spelt = spell(text, vocabulary);
        const between = (some: string) => some.replace(/[\p{L}\p{M}']+/gu, "·");
        expect(between(spelt)).toBe(between(text));
        expect(spell(spelt, vocabulary)).toBe(spelt);
      }),
    );
  });

  it("is through with a long paste soon", () => {
    const text = "acocuntt ".repeat(20_000);
    const startedAt = performance.now();
    spell(text, vocabulary);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
