import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ablate } from "../../server/learning/ablation/ablate.ts";
import { ablationPage } from "../../server/learning/ablation/ablation-page.ts";
import { type ArmResult, compare } from "../../server/learning/ablation/arm-result.ts";
import { type Arm, LEARNING_RATES, sweep, techniques } from "../../server/learning/ablation/arms.ts";
import { type ArmOrBase, hashOf } from "../../server/learning/ablation/origin.ts";
import { createAdapter } from "../../server/learning/index.ts";
import { temporaryFolder } from "../support/folder.ts";

const budget = { tokens: 120_000, seed: 1 };
const rows = (loss: (index: number) => number) =>
  Array.from({ length: 100 }, (_, index) => ({ loss: 100 * loss(index), tokens: 100 }));
const neighbour = { version: "support@1", sha256: "a".repeat(64) };
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
    for (const { config } of [...sweep(budget), ...techniques(budget, 1e-3, neighbour)]) {
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

/** A domain with a few rows, and no model: whatever needs one fails. */
function domain() {
  const home = temporaryFolder();
  const [adaptersDir, promptsDir] = [path.join(home, "adapters"), path.join(home, "prompts")];
  for (const each of [adaptersDir, promptsDir]) fs.mkdirSync(each);
  fs.writeFileSync(path.join(promptsDir, "base.md"), "You help.");
  const conversation = (index: number) => ({
    id: `${index}`,
    messages: [
      { role: "user" as const, content: `Question ${index}: ${"why ".repeat(index + 1)}?` },
      { role: "assistant" as const, content: `Because of ${index}.` },
    ],
  });
  const { folder } = createAdapter(
    {
      id: "legal",
      title: "Legal",
      description: "Tenancy",
      prompt: null,
      source: "my.jsonl",
      rows: Array.from({ length: 30 }, (_, index) => ({
        system: "You are a lawyer.",
        conversation: conversation(index),
      })),
    },
    { adaptersDir, promptsDir },
  );
  const place = { folder, promptsDir, base: { name: "some model", path: "", sha256: "0".repeat(64) } };
  const kept = path.join(folder, "ablation");
  fs.mkdirSync(kept);
  const keep = (some: ArmResult) =>
    fs.writeFileSync(path.join(kept, `${some.arm}.json`), JSON.stringify(some));
  const ablateOnly = (...only: string[]) =>
    ablate({
      ...place,
      budget,
      only,
      trainerDir: home,
      runsDir: home,
      cacheDir: home,
      engine: () => Promise.reject(new Error("no model is needed")),
      onEvent: () => undefined,
      onLine: () => undefined,
      onStep: () => undefined,
    });
  return { place, keep, ablateOnly, table: () => fs.readFileSync(path.join(kept, "README.md"), "utf8") };
}

describe("an arm", () => {
  const transferFrom = (sha256: string) =>
    techniques(budget, 1e-3, { ...neighbour, sha256 }).find(({ name }) => name === "transfer") as Arm;

  it("is another one where the version that it starts from has another file", () => {
    const { place } = domain();
    expect(transferFrom("a").config).toEqual(transferFrom("b").config);
    expect(hashOf(transferFrom("a"), place)).toBe(hashOf(transferFrom("a"), place));
    expect(hashOf(transferFrom("a"), place)).not.toBe(hashOf(transferFrom("b"), place));
  });
});

describe("an ablation of some arms", () => {
  const base: ArmOrBase = { name: "base", technique: "no adapter", config: null, startSha256: null };

  it("keeps the rows of arms that were measured with earlier data or settings, and marks them", async () => {
    const { place, keep, ablateOnly, table } = domain();
    const rate = sweep(budget).find(({ name }) => name === "lr-1e-3") as Arm;
    const augment = techniques(budget, 1e-3, null).find(({ name }) => name === "augment") as Arm;
    keep({ ...result("base", 2.5, gold), sha256: hashOf(base, place) });
    keep({ ...result("lr-1e-3", 1.5, gold), sha256: hashOf(rate, place) });
    keep({ ...result("augment", 1.6, gold), sha256: hashOf(augment, place) });
    keep({ ...result("multi-task", 1.7, gold), sha256: "of earlier data" });
    // There is no neighbour any more.
    keep({ ...result("transfer", 1.4, gold), sha256: "of an earlier start" });
    await ablateOnly("lr-1e-3");
    expect(table()).toMatch(/\| \*\*lr-1e-3\*\* \|/);
    expect(table()).toMatch(/\| augment \|/);
    expect(table()).toMatch(/\| multi-task \(earlier\) \| multi-task \| 1\.7\d\d \| \+1\d\.\d% \[/);
    expect(table()).toMatch(/\| transfer \(earlier\) \|/);
  });

  it("takes no control from earlier data", async () => {
    const { place, keep, ablateOnly } = domain();
    keep({ ...result("base", 2.5, gold), sha256: hashOf(base, place) });
    keep({ ...result("lr-1e-3", 1.5, gold), sha256: "of earlier data" });
    await expect(ablateOnly("augment")).rejects.toMatchObject({ code: "bad-request" });
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

  it("are not compared over rows that are not the same", () => {
    const longer = {
      ...result("a", 1.5, gold),
      losses: rows(() => 1.5).map((row) => ({ ...row, tokens: 90 })),
    };
    const { change, f1Gain } = compare(longer, { ...result("b", 2, gold), gold: gold.slice(1) });
    expect([change.value, f1Gain.value]).toEqual([Number.NaN, Number.NaN]);
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
      some.map((each) => ({ ...each, isEarlier: false })),
    );
    expect(page).not.toContain("earlier");
    expect(page).toMatch(/\| \*\*lr-1e-3\*\* \|.*\| −\d\d\.\d% \[−/);
    expect(page).toMatch(/\| augment \| augment \| 1\.\d+ \| \+6\.\d%/);
    expect(page).not.toContain("NaN");
  });
});
