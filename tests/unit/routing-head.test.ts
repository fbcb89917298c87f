import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PatchbayError } from "../../server/protocol/index.ts";
import { BUCKETS, hash, vectorise } from "../../server/routing/features.ts";
import { auroc, falsePositivesAt95 } from "../../server/routing/figures.ts";
import { GATE_BUCKETS } from "../../server/routing/gate.ts";
import {
  decide,
  type Embeddings,
  evaluate,
  type Head,
  headVersion,
  parseHead,
  restrictHead,
  serializeHead,
  toExamples,
  trainHead,
} from "../../server/routing/index.ts";
import { linearScores, roundWeights, softmax } from "../../server/routing/linear-model.ts";
import { fitMixture, mix } from "../../server/routing/mixture.ts";
import { type LaterRule, PARTS, type Rule } from "../../server/routing/scores.ts";

const rows = [
  { text: "my parcel never came", label: "shop" },
  { text: "refund my parcel", label: "shop" },
  { text: "water the roses", label: "garden" },
  { text: "roses need water and sun", label: "garden" },
  { text: "good morning", label: null },
  { text: "tell me a joke", label: null },
];
const ask = (head: Head, text: string) => decide(head, { turns: [{ role: "user", text }], previous: null });

/** Texts of one subject lie near each other, with a little of their own. */
const embeddings: Embeddings = (text) => {
  const subject = ["parcel", "roses", "o"].findIndex((word) => text.includes(word));
  const vector = Float32Array.of(0.1, 0.1, 0.1, (hash(text) % 100) / 500);
  if (subject >= 0) vector[subject] = 1;
  return vector.map((value) => value / Math.hypot(...vector));
};

const heads: fc.Arbitrary<Head> = fc
  .record({
    version: fc.string({ minLength: 1 }),
    domains: fc.uniqueArray(
      fc.string({ minLength: 1 }).filter((label) => label !== "base"),
      { maxLength: 3 },
    ),
    // Rounded up to a half, the very largest floats would be infinite.
    floats: fc.array(fc.float({ noNaN: true, min: -(2 ** 120), max: 2 ** 120 }), {
      minLength: 1,
      maxLength: 50,
    }),
    scale: fc.double({ min: 0, max: 20, noNaN: true }),
    threshold: fc.double({ min: 0, max: 1, noNaN: true }),
    meaning: fc.boolean(),
    later: fc.boolean(),
  })
  .map(({ version, domains, floats, scale, threshold, meaning, later }) => {
    const labels = [...domains, "base"];
    const classes = labels.length;
    const fill = (length: number) => Float32Array.from({ length }, (_, i) => floats[i % floats.length] ?? 0);
    const rule = (parts: number): Rule => ({
      mixture: { scales: Array(parts).fill(scale), background: 0.5 },
      thresholds: domains.map(() => threshold),
    });
    const laterRule = (opinions: number): LaterRule => ({
      ...rule(2 * opinions + 2),
      leaving: { scales: Array(1 + opinions).fill(scale), background: 0.5 },
    });
    const reading = (by: "words" | "all") => ({
      first: rule(PARTS.first[by]),
      later: later ? laterRule(PARTS.later[by]) : null,
    });
    return {
      version,
      labels,
      vocabulary: new Map([
        ["tulips", 0],
        ["roses", 2],
      ]),
      ngrams: roundWeights({ classes, weights: fill(classes * BUCKETS), bias: fill(classes) }),
      meaning: meaning
        ? {
            mean: fill(4),
            linear: { classes, weights: fill(4 * classes * (later ? 3 : 1)), bias: fill(classes) },
            prototypes: {
              classes,
              dimensions: 4,
              centres: Int8Array.from({ length: 8 }, (_, i) => 30 * i - 120),
              owners: Uint16Array.of(0, classes - 1),
              counts: Float32Array.of(1, 2.5),
            },
          }
        : null,
      gate: later ? roundWeights({ classes: 2, weights: fill(2 * GATE_BUCKETS), bias: fill(2) }) : null,
      byWords: reading("words"),
      byAll: meaning ? reading("all") : null,
    };
  });

describe("a head's file", () => {
  it("gives the head back bit for bit", () => {
    fc.assert(
      fc.property(heads, (head) => {
        expect(parseHead(serializeHead(head))).toEqual(head);
      }),
      { numRuns: 20 },
    );
  });

  type File = Record<string, unknown> & Record<"ngrams" | "meaning" | "byWords", Record<string, unknown>>;
  const file = () => JSON.parse(serializeHead(trainHead(rows, { embeddings }))) as File;
  const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer).toString("base64");
  const changed = (change: (head: File) => void) => () => {
    const head = file();
    change(head);
    return JSON.stringify(head);
  };

  it.each([
    ["no JSON", () => "{"],
    ["another format", changed((head) => Object.assign(head, { format: "onnx" }))],
    ["an older version", changed((head) => Object.assign(head, { formatVersion: 1 }))],
    ["other features", changed((head) => Object.assign(head, { features: 0 }))],
    ["NaN", changed((head) => Object.assign(head.ngrams, { bias: floats(Number.NaN, 0, 0) }))],
    ["infinity", changed((head) => Object.assign(head.meaning, { mean: floats(1, 2, 3, 1 / 0) }))],
    ["too few biases", changed((head) => Object.assign(head.ngrams, { bias: floats(0) }))],
    ["too few weights", changed((head) => Object.assign(head.ngrams, { weights: floats(1, 2, 3) }))],
    [
      "buckets that do not exist",
      changed((head) => Object.assign(head.ngrams, { buckets: "/////w==", weights: "AAAAAAAA" })),
    ],
    ["half a float", changed((head) => Object.assign(head.ngrams, { bias: "AAAAAAA=" }))],
    ["no base64", changed((head) => Object.assign(head.ngrams, { weights: "%%%" }))],
    ["a label twice", changed((head) => Object.assign(head, { labels: ["shop", "shop", "base"] }))],
    ["no background", changed((head) => Object.assign(head, { labels: ["a", "b", "c"] }))],
    ["prototypes of nobody", changed((head) => Object.assign(head.meaning, { owners: "" }))],
    ["a meaning that nothing reads", changed((head) => Object.assign(head, { byAll: null }))],
    [
      "a gate that leads nowhere",
      changed((head) => Object.assign(head, { gate: { bias: floats(0, 0), buckets: "", weights: "" } })),
    ],
    ["no rule", changed((head) => Object.assign(head.byWords, { first: null }))],
    [
      "too few thresholds",
      changed((head) => Object.assign(head.byWords.first as object, { thresholds: [] })),
    ],
  ])("is refused with %s", (_, text) => {
    const parse = () => parseHead(text(), "head.json");
    expect(parse).toThrow(PatchbayError);
    expect(parse).toThrow(
      expect.objectContaining({ code: "data-invalid", message: expect.stringContaining("head.json") }),
    );
  });

  it.each([
    ["ngrams", "infinite", 0x7f80],
    ["ngrams", "infinitely negative", 0xff80],
    ["gate", "NaN", 0x7fc0],
    ["gate", "another NaN", 0xff81],
  ])("is refused where a weight of the %s is %s", (part, _, half) => {
    const weights = Buffer.from(Uint16Array.of(0x3f80, 0xff7f, half).buffer).toString("base64");
    const text = changed((head) => Object.assign(head, { [part]: { bias: "", buckets: "", weights } }));
    expect(() => parseHead(text(), "head.json")).toThrow(`head.json: ${part}.weights: must be finite`);
  });

  it.each([-1, Number.NaN])("is refused where a prototype stands for %d rows", (count) => {
    const { counts } = file().meaning;
    const some = new Float32Array(Uint8Array.from(Buffer.from(String(counts), "base64")).buffer);
    const text = changed((head) => Object.assign(head.meaning, { counts: floats(...some.slice(1), count) }));
    expect(() => parseHead(text(), "head.json")).toThrow("head.json: meaning.counts: must");
  });
});

describe("a head with fewer domains", () => {
  it("chooses between what is left, in the same proportions", () => {
    fc.assert(
      fc.property(heads, fc.nat(), (head, pick) => {
        const kept = head.labels.slice(0, -1).filter((_, at) => (pick >> at) % 2 === 1);
        const less = restrictHead(head, [...kept, "unheard of"]);
        expect(less.labels).toEqual([...kept, "base"]);
        expect(parseHead(serializeHead(less)).labels).toEqual(less.labels);
        const scoresOf = ({ labels, ngrams }: Head) => {
          const scores = linearScores(ngrams, vectorise("where is my parcel with the roses"));
          return new Map(labels.map((label, at) => [label, scores[at]]));
        };
        const all = scoresOf(head);
        for (const [label, score] of scoresOf(less)) expect(score).toBe(all.get(label));
      }),
      { numRuns: 20 },
    );
  });

  it("never sends a question to a domain that is gone", () => {
    const head = trainHead(rows);
    expect(ask(head, "refund my parcel").domain).toBe("shop");
    expect(ask(restrictHead(head, ["garden"]), "refund my parcel").domain).not.toBe("shop");
    expect(restrictHead(head, ["garden", "shop"])).toBe(head);
  });
});

describe("training", () => {
  it("gives the same head for the same rows, and another version for others", () => {
    const [first, second] = [trainHead(rows), trainHead(rows)];
    expect(serializeHead(first)).toBe(serializeHead(second));
    expect(first.version).toBe(headVersion(rows));
    expect(headVersion(rows.slice(1))).not.toBe(first.version);
    expect(headVersion(rows, { seed: 2 })).not.toBe(first.version);
  });

  it("learns any labels, and puts rows labelled base and null together", () => {
    const odd = [
      ...rows.map((row) => ({ ...row, label: row.label && `${row.label.toUpperCase()} / 1` })),
      { text: "hello", label: "base" },
    ];
    const head = trainHead(odd);
    expect(head.labels).toEqual(["GARDEN / 1", "SHOP / 1", "base"]);
    expect(ask(head, "where is my parcel").domain).toBe("SHOP / 1");
  });

  it("leaves everything to the base model where there is nothing to learn", () => {
    for (const head of [trainHead([]), trainHead([{ text: "hi", label: null }])]) {
      expect(head.labels).toEqual(["base"]);
      expect(ask(head, "my parcel never came")).toMatchObject({
        domain: "base",
        confidence: 1,
        runnerUp: null,
      });
    }
  });

  it("survives rows without words", () => {
    const head = trainHead([...rows, { text: "", label: "shop" }, { text: "\u0000\ud800", label: null }]);
    expect(head.ngrams.weights.every(Number.isFinite)).toBe(true);
  });

  it("hears what a text means where none of its words are known", () => {
    const head = trainHead(rows, { embeddings });
    const meant: Embeddings = () => embeddings("my parcel");
    const request = { turns: [{ role: "user" as const, text: "xyzzy" }], previous: null };
    expect(decide(head, request, meant)).toMatchObject({ domain: "shop", head: head.version });
    expect(decide(head, request)).toMatchObject({ domain: "base", head: `${head.version} by words` });
  });

  it("learns from conversations that a vague turn stays and a clear one does not", () => {
    const dialogues = ["parcel", "roses"].flatMap((subject, at) =>
      Array.from({ length: 12 }, (_, i) => ({
        turns: [
          { user: `a ${subject} question ${i}`, assistant: "Which?", label: at ? "garden" : "shop" },
          { user: ["the blue", "that", "in may"][i % 3] ?? "", assistant: "", label: at ? "garden" : "shop" },
          { user: `and now ${at ? "my parcel" : "the roses"}`, assistant: "", label: at ? "shop" : "garden" },
        ],
      })),
    );
    const head = trainHead(toExamples(dialogues));
    const say = (text: string, previous: string) =>
      decide(head, {
        turns: [
          { role: "user", text: previous === "shop" ? "a parcel question" : "a roses question" },
          { role: "assistant", text: "Which?" },
          { role: "user", text },
        ],
        previous,
      }).domain;
    expect([say("the blue", "shop"), say("the blue", "garden")]).toEqual(["shop", "garden"]);
    expect([say("and now the roses", "shop"), say("and now my parcel", "garden")]).toEqual([
      "garden",
      "shop",
    ]);
  });

  it("finds the scale that makes confidence equal accuracy, and leaves out a part that speaks against the truth", () => {
    // Three of four right at a score difference of 4: the honest difference is ln 3.
    const unseen = Array.from({ length: 400 }, (_, i) => {
      const target = i % 4 === 0 ? 1 : 0;
      return {
        parts: [Float64Array.of(4, 0, -9), Float64Array.of(target, 1 - target, -9)],
        target,
        weight: 1,
      };
    });
    const one = fitMixture(unseen, 1);
    expect(softmax(mix(one, unseen[0]?.parts.slice(0, 1) ?? []))[0]).toBeCloseTo(0.75, 1);
    expect(
      fitMixture(
        unseen.map((row) => ({
          ...row,
          parts: row.parts.map((part, at) => part.map((value) => (at ? -value : value))),
        })),
        2,
      ).scales[1],
    ).toBeGreaterThan(0);
    expect(fitMixture([], 2)).toEqual({ scales: [0.7, 0.7], background: 0 });
  });
});

describe("the figures of an evaluation", () => {
  it("are those of a small case counted by hand", () => {
    expect(auroc([0.9, 0.6, 0.4], [0.5, 0.1])).toBeCloseTo(5 / 6);
    expect(auroc([0.5], [0.5])).toBe(0.5);
    expect(auroc([0.5], [])).toBeNull();
    expect(falsePositivesAt95([0.9, 0.8], [0.85, 0.1])).toBe(0.5);
    expect(falsePositivesAt95([], [0.1])).toBeNull();
  });

  it("count what is served, row by row", async () => {
    const head = trainHead(rows);
    let clock = 0;
    const report = await evaluate(
      head,
      [...rows, { text: "bake bread", label: "kitchen" }],
      null,
      () => clock++,
    );
    expect(report.rows).toBe(7);
    expect(report.accuracy).toBeCloseTo(4 / 5);
    expect(report.confusion.labels).toEqual(["garden", "shop", "base", "kitchen"]);
    expect(report.confusion.counts.flat().reduce((sum, count) => sum + count)).toBe(7);
    expect(report.latencyMs).toEqual({ p50: 1, p99: 1 });
    expect(report.turnAccuracy).toBeNull();
  });

  it("are null where no row allows them", async () => {
    const head = trainHead(rows);
    expect(await evaluate(head, [{ text: "roses", label: "garden" }])).toMatchObject({
      oosAuroc: null,
      oosFpr95: null,
    });
    expect(await evaluate(head, [{ text: "hi", label: null }])).toMatchObject({
      accuracy: null,
      oosAuroc: null,
    });
    expect(await evaluate(head, [])).toMatchObject({ rows: 0, accuracy: null, ece: 0 });
  });
});
