import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PatchbayError } from "../../server/protocol/index.ts";
import { auroc, falsePositivesAt95 } from "../../server/routing/evaluate.ts";
import { BUCKETS, vectorise } from "../../server/routing/features.ts";
import {
  decide,
  evaluate,
  type Head,
  headVersion,
  parseHead,
  restrictHead,
  serializeHead,
  trainHead,
} from "../../server/routing/index.ts";
import { fitTemperature, linearScores, softmax } from "../../server/routing/logistic.ts";

const rows = [
  { text: "my parcel never came", label: "shop" },
  { text: "refund my parcel", label: "shop" },
  { text: "water the roses", label: "garden" },
  { text: "roses need water and sun", label: "garden" },
  { text: "good morning", label: null },
  { text: "tell me a joke", label: null },
];
const ask = (head: Head, text: string) => decide(head, { turns: [{ role: "user", text }], previous: null });

const heads: fc.Arbitrary<Head> = fc
  .record({
    version: fc.string({ minLength: 1 }),
    domains: fc.uniqueArray(
      fc.string({ minLength: 1 }).filter((label) => label !== "base"),
      { maxLength: 3 },
    ),
    temperature: fc.double({ min: 0.01, max: 20, noNaN: true }),
    threshold: fc.double({ min: 0, max: 1, noNaN: true }),
    floats: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 50 }),
  })
  .map(({ version, domains, temperature, threshold, floats }) => {
    const labels = [...domains, "base"];
    const fill = (length: number) => Float32Array.from({ length }, (_, i) => floats[i % floats.length] ?? 0);
    const model = {
      classes: labels.length,
      weights: fill(labels.length * BUCKETS),
      bias: fill(labels.length),
    };
    return { version, labels, temperature, threshold, model };
  });

describe("a head's file", () => {
  it("gives the head back bit for bit", () => {
    fc.assert(
      fc.property(heads, (head) => {
        const back = parseHead(serializeHead(head));
        const { weights, bias } = head.model;
        const bytes = (floats: Float32Array) =>
          Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength);
        expect(bytes(back.model.weights).equals(bytes(weights))).toBe(true);
        expect(bytes(back.model.bias).equals(bytes(bias))).toBe(true);
        expect({ ...back, model: null }).toEqual({ ...head, model: null });
      }),
      { numRuns: 20 },
    );
  });

  const file = () => JSON.parse(serializeHead(trainHead(rows))) as Record<string, unknown>;
  const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer).toString("base64");

  it.each([
    ["no JSON", () => "{"],
    ["another format", () => JSON.stringify({ ...file(), format: "onnx" })],
    ["other features", () => JSON.stringify({ ...file(), features: 0 })],
    ["NaN", () => JSON.stringify({ ...file(), bias: floats(Number.NaN, 0, 0) })],
    ["infinity", () => JSON.stringify({ ...file(), bias: floats(Number.POSITIVE_INFINITY, 0, 0) })],
    ["too few biases", () => JSON.stringify({ ...file(), bias: floats(0) })],
    ["too few weights", () => JSON.stringify({ ...file(), weights: floats(1, 2, 3) })],
    ["half a float", () => JSON.stringify({ ...file(), bias: "AAAAAAA=" })],
    ["no base64", () => JSON.stringify({ ...file(), weights: "%%%" })],
    ["a label twice", () => JSON.stringify({ ...file(), labels: ["shop", "shop", "base"] })],
    ["no background", () => JSON.stringify({ ...file(), labels: ["a", "b", "c"] })],
    ["temperature 0", () => JSON.stringify({ ...file(), temperature: 0 })],
  ])("is refused with %s", (_, text) => {
    const parse = () => parseHead(text(), "head.json");
    expect(parse).toThrow(PatchbayError);
    expect(parse).toThrow(
      expect.objectContaining({ code: "data-invalid", message: expect.stringContaining("head.json") }),
    );
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
        const scoresOf = ({ labels, model }: Head) => {
          const scores = linearScores(model, vectorise("where is my parcel with the roses"));
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
    expect(head.model.weights.every(Number.isFinite)).toBe(true);
  });

  it("finds the temperature that makes confidence equal accuracy", () => {
    // Three of four right at a score difference of 4: the honest difference is ln 3.
    const unseen = [0, 0, 0, 1].map((target) => ({ scores: Float64Array.of(4, 0), target, weight: 1 }));
    expect(softmax(Float64Array.of(4, 0), fitTemperature(unseen))[0]).toBeCloseTo(0.75, 3);
    expect(fitTemperature([])).toBe(1);
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

  it("count what is served, row by row", () => {
    const head = trainHead(rows);
    let clock = 0;
    const report = evaluate(head, [...rows, { text: "bake bread", label: "kitchen" }], () => clock++);
    expect(report.rows).toBe(7);
    expect(report.accuracy).toBeCloseTo(4 / 5);
    expect(report.confusion.labels).toEqual(["garden", "shop", "base", "kitchen"]);
    expect(report.confusion.counts.flat().reduce((sum, count) => sum + count)).toBe(7);
    expect(report.latencyMs).toEqual({ p50: 1, p99: 1 });
    expect(report.turnAccuracy).toBeNull();
  });

  it("are null where no row allows them", () => {
    const head = trainHead(rows);
    expect(evaluate(head, [{ text: "roses", label: "garden" }])).toMatchObject({
      oosAuroc: null,
      oosFpr95: null,
    });
    expect(evaluate(head, [{ text: "hi", label: null }])).toMatchObject({ accuracy: null, oosAuroc: null });
    expect(evaluate(head, [])).toMatchObject({ rows: 0, accuracy: null, ece: 0 });
  });
});
