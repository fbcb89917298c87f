import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { promptsOf, samplesOf } from "../../server/learning/evaluation/answered-rows.ts";
import { bootstrap95, type Interval } from "../../server/learning/evaluation/bootstrap.ts";
import { classification, confusionMatrix } from "../../server/learning/evaluation/classification.ts";
import { coherence } from "../../server/learning/evaluation/judge-answers.ts";
import { forgetting } from "../../server/learning/evaluation/loss-changes.ts";
import { meanLoss } from "../../server/learning/evaluation/measure-side.ts";
import type { EvaluationReport, ShareChange } from "../../server/learning/evaluation/report.ts";
import { reportPage } from "../../server/learning/evaluation/report-page.ts";
import {
  asksBack,
  distinct2,
  repetition,
  wordCount,
} from "../../server/learning/evaluation/text-measures.ts";
import { randomNumbers } from "../../server/random.ts";

describe("the bootstrap interval", () => {
  const values = Array.from({ length: 200 }, (_, index) => Math.sin(index) + 1);
  const mean = (indices: Uint32Array) =>
    indices.reduce((sum, index) => sum + (values[index] ?? 0), 0) / indices.length;

  it("lies around the statistic, as wide as the normal approximation says", () => {
    const [low, high] = bootstrap95(values.length, mean);
    const all = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - all) ** 2, 0) / values.length);
    const half = (1.96 * deviation) / Math.sqrt(values.length);
    expect(low).toBeGreaterThan(all - 1.15 * half);
    expect(low).toBeLessThan(all - 0.85 * half);
    expect(high).toBeLessThan(all + 1.15 * half);
    expect(high).toBeGreaterThan(all + 0.85 * half);
  });

  it("is the same for the same seed, another for another", () => {
    expect(bootstrap95(values.length, mean, 7)).toEqual(bootstrap95(values.length, mean, 7));
    expect(bootstrap95(values.length, mean, 7)).not.toEqual(bootstrap95(values.length, mean, 8));
  });

  it("draws evenly", () => {
    const next = randomNumbers(3);
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const tenth = Math.floor(next() * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    for (const count of tenths) expect(count).toBeGreaterThan(850);
  });
});

describe("label figures", () => {
  // By hand: label 0 has 2 of 3 rows right and is given 3 times, label 1 has 1 of 2 right and is given twice.
  const gold = [0, 0, 0, 1, 1];
  const predicted = [0, 0, 1, 1, 0];

  it("are those worked out by hand", () => {
    const { accuracy, macroPrecision, macroRecall, macroF1 } = classification(gold, predicted);
    expect(accuracy).toBeCloseTo(3 / 5);
    expect(macroPrecision).toBeCloseTo((2 / 3 + 1 / 2) / 2);
    expect(macroRecall).toBeCloseTo((2 / 3 + 1 / 2) / 2);
    expect(macroF1).toBeCloseTo((2 / 3 + 1 / 2) / 2);
    expect(confusionMatrix(gold, predicted, 2)).toEqual([
      [2, 1],
      [1, 1],
    ]);
  });

  it("count a label that is never given as never right", () => {
    expect(classification([0, 1], [0, 0])).toMatchObject({ macroPrecision: 1 / 4, macroRecall: 1 / 2 });
  });

  it("stay between 0 and 1, and are 1 where everything is right", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { minLength: 1 }), (rows) => {
        const [some, others] = [rows.map(([label]) => label), rows.map(([, label]) => label)];
        for (const value of Object.values(classification(some, others))) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
        expect(classification(some, some)).toEqual({
          accuracy: 1,
          macroPrecision: 1,
          macroRecall: 1,
          macroF1: 1,
        });
      }),
    );
  });
});

describe("measures of a text", () => {
  it("count words, repeated 4-grams, different 2-grams and questions", () => {
    expect(wordCount("It’s 3 o'clock – isn't it?")).toBe(5);
    expect(repetition("one two three four five")).toBe(0);
    // 8 words have 5 4-grams, of which the last is the first again.
    expect(repetition("one two three four one two three four")).toBeCloseTo(1 / 5);
    expect(distinct2(["a b c", "a b d"])).toBeCloseTo(3 / 4);
    expect(asksBack("When did it start?")).toBe(true);
    expect(asksBack("Rest, and drink enough.")).toBe(false);
  });
});

describe("the loss of rows", () => {
  it("weighs every token alike", () => {
    const rows = [
      { loss: 10, tokens: 5 },
      { loss: 1, tokens: 1 },
    ];
    expect(meanLoss(rows)).toBeCloseTo(11 / 6);
    expect(meanLoss(rows, Uint32Array.from([1, 1]))).toBe(1);
  });
});

describe("forgetting", () => {
  const rows = (loss: (index: number) => number) =>
    Array.from({ length: 40 }, (_, index) => ({ loss: 10 * loss(index), tokens: 10 }));
  const against = {
    general: rows((i) => 2 + Math.sin(i)),
    otherDomains: new Map([["support", rows(() => 2)]]),
  };

  it("has an interval for each field, apart from zero where every row lost", () => {
    const candidate = {
      general: rows((i) => 1.1 * (2 + Math.sin(i))),
      otherDomains: new Map([["support", rows((i) => 2 + 0.5 * Math.sin(i))]]),
    };
    const { general, otherDomains, losses } = forgetting({ against, candidate });
    expect(general).toBeCloseTo(0.1);
    expect(losses?.general?.reduction).toBeCloseTo(-0.1);
    expect(losses?.general?.candidate).toBeCloseTo(1.1 * (losses?.general?.against ?? 0));
    for (const bound of losses?.general?.ci95 ?? []) expect(bound).toBeCloseTo(-0.1);
    const support = losses?.otherDomains.support;
    expect(otherDomains.support).toBeCloseTo(-(support?.reduction ?? 0));
    expect(support?.ci95[0]).toBeLessThan(0);
    expect(support?.ci95[1]).toBeGreaterThan(0);
  });

  it("of general texts is unknown where there are none", () => {
    const none = { ...against, general: [] };
    expect(forgetting({ against: none, candidate: none })).toMatchObject({
      general: null,
      losses: { general: null },
    });
  });
});

describe("coherence", () => {
  const wins = (count: number) => Array.from({ length: 24 }, (_, index) => (index < count ? 1 : 0));
  const side = (relevance: number, earlierTurns: number[]) => ({
    loss: 2,
    relevance: wins(relevance),
    earlierTurns,
  });

  it("counts wins on both sides and bounds their difference", () => {
    const { relevance, earlierTurns } = coherence({ against: side(24, [1, 1]), candidate: side(18, [1, 1]) });
    expect(relevance).toMatchObject({ against: 1, candidate: 0.75 });
    expect(relevance.ci95?.[0]).toBeGreaterThan(-0.5);
    expect(relevance.ci95?.[1]).toBeLessThan(0);
    expect(earlierTurns).toEqual({ against: 1, candidate: 1, ci95: [0, 0] });
  });

  it("of earlier turns needs two rows that have some", () => {
    expect(coherence({ against: side(24, [1]), candidate: side(24, [1]) }).earlierTurns).toBeNull();
  });
});

describe("the answers side by side", () => {
  it("come from all over the rows", () => {
    const rows = Array.from({ length: 200 }, (_, index) => ({
      id: `${index}`,
      messages: [
        { role: "user" as const, content: `${index}` },
        { role: "assistant" as const, content: `reference ${index}` },
      ],
    }));
    const prompts = promptsOf({ systemPrompt: "", rows });
    const answers = (side: string) =>
      prompts.map(({ messages }) => ({ messages, answer: `${side} ${messages.at(-1)?.content}` }));
    const samples = samplesOf(prompts, { against: answers("base"), candidate: answers("new") });
    expect(samples).toHaveLength(10);
    const shown = samples.map(({ prompt }) => Number(prompt));
    const steps = shown.slice(1).map((row, index) => row - (shown[index] ?? 0));
    expect(Math.max(200 - (shown.at(-1) ?? 0), ...steps)).toBeLessThan(30);
    for (const { prompt, against, candidate, reference } of samples)
      expect([against, candidate, reference]).toEqual([
        `base ${prompt}`,
        `new ${prompt}`,
        `reference ${prompt}`,
      ]);
  });
});

describe("the report's page", () => {
  const sides = { against: 2, candidate: 1 };
  const report: EvaluationReport = {
    id: "health",
    candidate: "health@2",
    against: "base",
    base: { name: "some model", sha256: "0".repeat(64) },
    rows: 3,
    loss: { ...sides, reduction: 0.5, ci95: [0.4, 0.6] },
    perplexity: sides,
    wrongExperts: [{ version: "support@1", loss: 4, reduction: 0.75, ci95: [0.7, 0.8] }],
    label: {
      against: classification([0, 1], [1, 0]),
      candidate: classification([0, 1], [0, 1]),
      macroF1Gain: { value: 1, ci95: [1, 1] },
      labels: ["<urgent>", "routine"],
      confusion: [
        [1, 0],
        [0, 1],
      ],
    },
    forgetting: { general: 0.02, otherDomains: { support: -0.1 } },
    fluency: { lossUnderBase: sides, repetition: sides },
    coherence: { relevance: sides, earlierTurns: null },
    engagement: { words: sides, questionsBack: sides, distinct2: sides },
    samples: [{ prompt: "<script>alert(1)</script>", against: "a & b", candidate: "c", reference: "d" }],
    evaluatedAt: "2026-11-26T00:00:00.000Z",
  };

  it("says the verdict, shows the plots and lets no text become markup", () => {
    const page = reportPage(report, [
      { step: 1, loss: 3 },
      { step: 2, loss: 2 },
    ]);
    expect(page).toContain("−50.0%");
    expect(page).toContain("better");
    expect(page).toMatch(/support@1.*4\.000.*−75\.0%.*−80\.0% to −70\.0%/s);
    expect(page.match(/<svg/g)).toHaveLength(2);
    expect(page).toContain("&lt;script&gt;");
    expect(page).not.toContain("<script");
    expect(page).toContain("&lt;urgent&gt;");
  });

  it("calls an interval around zero not clear", () => {
    const unclear = {
      ...report,
      loss: { ...report.loss, reduction: 0.01, ci95: [-0.02, 0.04] as [number, number] },
    };
    expect(reportPage(unclear)).toContain("not clearly different");
  });

  it("says where answers hold together clearly less well, and nothing where that may be chance", () => {
    const lead = (relevance: ShareChange, earlierTurns: ShareChange | null = null) =>
      /<p class="lead">.*<\/p>/.exec(reportPage({ ...report, coherence: { relevance, earlierTurns } }))?.[0];
    const clear: ShareChange = { against: 1, candidate: 0.75, ci95: [-0.4, -0.1] };
    const unclear: ShareChange = { against: 1, candidate: 0.875, ci95: [-0.25, 0] };
    expect(lead(clear)).toMatch(/better\..*question clearly less often: 75\.0%.*100\.0% of those of base/);
    expect(lead(unclear, clear)).toMatch(
      /better\. Its answers fit their own earlier turns clearly less often/,
    );
    expect(lead(unclear, unclear)).not.toContain("less often");
    // A report from before there were intervals: nobody knows what is clear.
    expect(lead({ against: 1, candidate: 0.75 })).not.toContain("less often");
  });

  it("shows what was forgotten with intervals, where the report has them", () => {
    expect(reportPage(report)).not.toContain("+3.0%");
    const general = { against: 2, candidate: 2.04, reduction: -0.02, ci95: [-0.03, -0.01] as Interval };
    const page = reportPage({
      ...report,
      forgetting: { ...report.forgetting, losses: { general, otherDomains: {} } },
    });
    expect(page).toMatch(/general<\/td>.*2\.000.*2\.040.*\+2\.0%.*\+1\.0% to \+3\.0%/);
  });
});
