import { describe, expect, it } from "vitest";
import { ablationPage } from "../../server/learning/ablation/ablation-page.ts";
import { type ArmResult, compare } from "../../server/learning/ablation/arm-result.ts";
import { LEARNING_RATES, sweep, techniques } from "../../server/learning/ablation/arms.ts";

const budget = { tokens: 120_000, seed: 1 };
const rows = (loss: (index: number) => number) =>
  Array.from({ length: 100 }, (_, index) => ({ loss: 100 * loss(index), tokens: 100 }));
const gold = Array.from({ length: 100 }, (_, index) => index % 4);
const result = (arm: string, loss: number, labels: number[]): ArmResult => ({
  arm,
  technique: arm,
  config: null,
  sha256: "",
  tokensTrained: 120_000,
  seconds: 240,
  losses: rows((index) => loss + 0.3 * Math.sin(index)),
  general: rows((index) => 2 + 0.1 * Math.cos(index)),
  gold,
  labels,
});

describe("the arms of an ablation", () => {
  it("have equal budgets and differ from the control in one thing each", () => {
    const [control] = sweep(budget).slice(-1);
    for (const { config } of [...sweep(budget), ...techniques(budget, 1e-3, "support@1")]) {
      expect(config.maxTokens).toBe(120_000);
      const different = Object.entries(config).filter(
        ([name, value]) => value !== control?.config[name as keyof typeof config],
      );
      expect(different.length).toBeLessThanOrEqual(1);
    }
    expect(sweep(budget).map(({ config }) => config.learningRate)).toEqual([...LEARNING_RATES]);
  });

  it("leave transfer out where there is no neighbour", () => {
    expect(techniques(budget, 1e-3, null).map(({ name }) => name)).not.toContain("transfer");
  });
});

describe("two arms side by side", () => {
  it("are told apart in pairs, row by row", () => {
    const { change, f1Gain, generalChange } = compare(
      result("a", 1.5, gold),
      result(
        "b",
        2,
        gold.map(() => 0),
      ),
    );
    expect(change.value).toBeCloseTo(-0.25, 1);
    // Both arms share what makes a row hard, so that the interval is narrow.
    expect(change.ci95[1] - change.ci95[0]).toBeLessThan(0.05);
    expect(f1Gain.value).toBeCloseTo(0.9, 1);
    expect(generalChange).toEqual({ value: 0, ci95: [0, 0] });
  });
});

describe("the table", () => {
  it("puts the sweep against the base and techniques against the best rate", () => {
    const some = [
      result(
        "base",
        2.5,
        gold.map(() => 1),
      ),
      result("lr-1e-4", 2, gold),
      result("lr-1e-3", 1.5, gold),
      result("augment", 1.6, gold),
    ];
    const page = ablationPage(
      { id: "health", base: "some model", tokens: 120_000, control: "lr-1e-3" },
      some,
    );
    expect(page).toMatch(/\| \*\*lr-1e-3\*\* \|.*\| −\d\d\.\d% \[−/);
    expect(page).toMatch(/\| augment \| augment \| 1\.\d+ \| \+6\.\d%/);
    expect(page).not.toContain("NaN");
  });
});
