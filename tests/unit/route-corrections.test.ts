import { describe, expect, it } from "vitest";
import {
  correctedExamples,
  type GateFigures,
  type GateMaterial,
  judgeGate,
  type Measured,
  type StatedCorrection,
  withCorrections,
} from "../../server/routing/index.ts";

let ids = 0;
const says = (
  person: string,
  text: string,
  expert: string,
  more: Partial<StatedCorrection> & { after?: string } = {},
): StatedCorrection => ({
  id: String(ids++).padStart(4, "0"),
  person,
  expert,
  turn: {
    text,
    before: more.after === undefined ? null : { earlier: [more.after], assistant: "", expert: "support" },
  },
  updatedAt: more.updatedAt ?? "2026-01-01T00:00:00.000Z",
});
const domains = ["health", "support"];
const learnt = (...corrections: StatedCorrection[]) => correctedExamples(corrections, domains);

describe("what is learnt from corrections", () => {
  it("is what most people say of a text, however it is written", () => {
    const { examples, disputed } = learnt(
      says("ann", "Is the pool open?", "support"),
      says("bob", "is the pool open", "support"),
      says("cem", "IS THE POOL OPEN!", "health"),
    );
    expect(disputed).toBe(0);
    expect(examples).toEqual([{ text: "is the pool open", label: "support", weight: 1, ownPlace: 1 }]);
  });

  it("is nothing where as many say one thing as another, until somebody breaks the tie", () => {
    const tie = [says("ann", "pool?", "support"), says("bob", "pool?", "base")];
    expect(learnt(...tie)).toEqual({ examples: [], disputed: 1 });
    expect(learnt(...tie, says("cem", "pool?", "base")).examples).toMatchObject([{ label: null }]);
  });

  it("counts a person once for each text, with what they said last", () => {
    const { examples } = learnt(
      says("ann", "pool?", "health", { updatedAt: "2026-01-03T00:00:00.000Z" }),
      says("ann", "pool?", "support", { updatedAt: "2026-01-02T00:00:00.000Z" }),
      says("ann", "pool?", "support", { updatedAt: "2026-01-01T00:00:00.000Z" }),
    );
    expect(examples).toMatchObject([{ label: "health", ownPlace: 1 }]);
  });

  it("grows with those who agree, within bounds", () => {
    const people = Array.from({ length: 9 }, (_, at) => says(`p${at}`, "pool?", "support"));
    expect(learnt(...people.slice(0, 2)).examples[0]?.weight).toBe(2);
    expect(learnt(...people).examples[0]?.weight).toBe(3);
  });

  it("gives whoever says very much a smaller say in each, and less than somebody who says little", () => {
    const flood = Array.from({ length: 1_000 }, (_, at) =>
      says("mallory", `flood number ${"x".repeat(at)}`, "health"),
    );
    const { examples } = learnt(
      ...flood,
      says("mallory", "pool?", "health"),
      says("ann", "pool?", "support"),
    );
    const weights = examples.filter(({ label }) => label === "health").map(({ weight = 0 }) => weight);
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeLessThanOrEqual(50 + 1e-6);
    expect(examples.find(({ text }) => text === "pool?")?.label).toBe("support");
  });

  it("leaves out what only makes sense after something else, and experts that are not there", () => {
    expect(
      learnt(says("ann", "yes please", "health", { after: "pool?" }), says("ann", "pool?", "legal")),
    ).toEqual({ examples: [], disputed: 0 });
  });

  it("is the turn by itself and as it was said in its conversation", () => {
    const { examples } = learnt(says("ann", "my tooth hurts", "health", { after: "where is my parcel" }));
    expect(examples).toMatchObject([
      { text: "my tooth hurts", label: "health" },
      { text: "my tooth hurts", label: "health", before: { earlier: ["where is my parcel"] } },
    ]);
  });

  it("takes the place of what an example says of the same text, and is the same in any order", () => {
    const [a, b] = [says("ann", "pool?", "support"), says("bob", "gym?", "health")];
    expect(learnt(a, b)).toEqual(learnt(b, a));
    const examples = [
      { text: "Pool", label: "health" },
      { text: "gym", label: "health" },
    ];
    expect(withCorrections(examples, learnt(a).examples)).toMatchObject([
      { text: "gym" },
      { text: "pool?", label: "support", weight: 1 },
    ]);
    const weightBeside = (count: number) => {
      const many = Array.from({ length: count }, (_, at) => ({ text: `row ${at}`, label: "health" }));
      return withCorrections(many, learnt(a).examples).at(-1)?.weight;
    };
    expect(weightBeside(12_000)).toBe(20);
    expect(weightBeside(20_000)).toBe(32);
  });
});

const figures: GateFigures = {
  accuracy: 0.9,
  inDomainAccuracy: 0.8,
  oosRecall: 0.95,
  oosAuroc: 0.96,
  turnAccuracy: 0.8,
  switchRecall: 0.9,
  falseSwitchRate: 0.2,
  easy: 1,
};
const right = new Set(["words: hi", "meaning: hi", "words: my head hurts", "meaning: my head hurts"]);
const measured = (change: Partial<GateFigures> = {}, some = right): Measured => ({
  figures: { ...figures, ...change },
  right: some,
});
const rows = (count: number, label: string | null) =>
  Array.from({ length: count }, (_, at) => ({ text: `${label} ${at}`, label }));
const material: GateMaterial = {
  heldOut: [...rows(500, "health"), ...rows(500, null)],
  easy: [
    { text: "hi", label: null },
    { text: "my head hurts", label: "health" },
  ],
};
const judge = (candidate: Measured, live: Measured | null = measured(), corrected: string[] = []) =>
  judgeGate(candidate, { examples: measured(), live }, material, corrected);

describe("the gate", () => {
  it("lets a head through that is as good as before, and one that is better", () => {
    expect(judge(measured())).toMatchObject({ passed: true, reasons: [] });
    expect(judge(measured({ accuracy: 0.99, falseSwitchRate: 0 })).passed).toBe(true);
  });

  it.each([
    ["accuracy", 0.87],
    ["inDomainAccuracy", 0.77],
    ["oosRecall", 0.92],
    ["oosAuroc", 0.94],
    ["turnAccuracy", null],
  ] as const)("refuses a head whose %s falls, and says from what to what", (key, value) => {
    const { passed, reasons } = judge(measured({ [key]: value }));
    expect(passed).toBe(false);
    expect(reasons.join()).toMatch(/instead of \d+\.\d%/);
  });

  it("takes more of what should be less for worse", () => {
    const spoken = {
      turns: [
        { user: "a", label: "health" },
        { user: "b", label: "health" },
      ],
    };
    const dialogues = { ...material, heldOut: Array.from({ length: 50 }, () => spoken) };
    const held = (rate: number) =>
      judgeGate(measured({ falseSwitchRate: rate }), { examples: measured(), live: null }, dialogues, []);
    expect(held(0.28).passed).toBe(true);
    expect(held(0.32).passed).toBe(false);
  });

  it("does not let many small losses add up: the examples alone are held against it too", () => {
    const { passed, reasons } = judge(measured({ accuracy: 0.87 }), measured({ accuracy: 0.88 }));
    expect(passed).toBe(false);
    expect(reasons).toEqual([expect.stringContaining("the examples alone")]);
  });

  it("lets no easy case be lost, by words alone either, unless people have corrected that very text", () => {
    const lost = measured({}, new Set(["words: hi", "meaning: hi", "meaning: my head hurts"]));
    expect(judge(lost).reasons).toEqual(['"my head hurts" no longer goes to health by words alone']);
    expect(judge(lost, measured(), ["My head hurts!"]).passed).toBe(true);
  });

  it("lets one row of few fall", () => {
    const few = { ...material, heldOut: [...rows(10, "health"), ...rows(10, null)] };
    const held = (accuracy: number) =>
      judgeGate(measured({ accuracy }), { examples: measured(), live: null }, few, []).passed;
    expect(held(0.8)).toBe(true);
    expect(held(0.7)).toBe(false);
  });
});
