import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { RunJournal } from "../../server/learning/run-page/journal.ts";
import type { TrainerEvent } from "../../server/learning/trainer.ts";
import { temporaryFolder } from "../support/folder.ts";

const step = (step: number, loss: number, task: "answer" | "label" = "answer"): TrainerEvent => ({
  event: "step",
  task,
  step,
  steps: 4,
  epoch: step / 4,
  loss,
  learningRate: 1e-3,
  tokensPerSecond: 480.4,
  etaSeconds: 150,
});
const evaluated = (which: "base" | "adapter", loss: number): TrainerEvent => ({
  event: "evaluated",
  which,
  loss,
  tokens: 100,
  rows: 4,
});
const loaded: TrainerEvent[] = [
  { event: "loading" },
  { event: "loaded", seconds: 9, device: "cpu", threads: 2, dtype: "bfloat16" },
  evaluated("base", 3.5),
];

function journalIn(folder = path.join(temporaryFolder(), "run")) {
  const journal = new RunJournal(
    folder,
    { adapter: "support", base: "some <model>" },
    () => "2026-11-26T12:30:05.000Z",
  );
  const html = () => fs.readFileSync(journal.page, "utf8");
  const dots = () => html().match(/<circle/g)?.length ?? 0;
  return { folder, journal, html, dots };
}

describe("the page of a run", () => {
  it("is there from the first moment and looks for news by itself", () => {
    const { html } = journalIn();
    expect(html()).toContain('<meta http-equiv="refresh"');
    expect(html()).toContain("Loading PyTorch");
    expect(html()).toContain("some &lt;model&gt;");
    expect(html()).not.toMatch(/<script|src=|href=/);
  });

  it("shows the steps so far, the time left and the held-out losses", () => {
    const { journal, html, dots } = journalIn();
    for (const event of [...loaded, step(1, 3.4), step(2, 3.1)]) journal.add(event);
    expect(html()).toContain("Step 2 of 4, 3 min of training left.");
    expect(html()).toContain("held out, base 3.500");
    expect(html()).toContain('aria-valuenow="50"');
    expect(dots()).toBe(2);
  });

  it("stands still once the run is over, and says what came out", () => {
    const { journal, html } = journalIn();
    for (const event of [...loaded, step(4, 2), evaluated("adapter", 2.8)]) journal.add(event);
    journal.add({ event: "finished", sameTop: 0.99, tokens: 400 });
    expect(html()).not.toContain("http-equiv");
    expect(html()).toContain("from 3.500 to 2.800 (−20.0%)");
    expect(html()).toContain("99.0% of 400");
  });

  it("goes on with the steps that a stopped run kept, not with those that it lost", () => {
    const first = journalIn();
    for (const event of [...loaded, step(1, 3.4), step(2, 3.1), step(3, 9)]) first.journal.add(event);
    first.journal.add({ event: "stopped", step: 2 });
    expect(first.html()).toContain("Stopped after step 2, where it can go on.");
    const second = journalIn(first.folder);
    for (const event of [...loaded, { event: "resumed", step: 2 } as const, step(3, 2.9)])
      second.journal.add(event);
    expect(second.dots()).toBe(3);
    expect(second.html()).not.toContain(">9.00<");
    expect(second.html()).toContain("Step 3 of 4");
  });

  it("begins anew where a killed process left half a line", () => {
    const first = journalIn();
    first.journal.add(step(1, 3.4));
    fs.appendFileSync(path.join(first.folder, "events.jsonl"), '{"at": "2026-');
    const second = journalIn(first.folder);
    second.journal.add(step(2, 3.1));
    expect(second.dots()).toBe(1);
  });

  it("draws the steps that taught answers alone", () => {
    const { journal, html, dots } = journalIn();
    for (const event of [...loaded, step(1, 3.4), step(2, 19, "label"), step(3, 3.1)]) journal.add(event);
    expect(dots()).toBe(2);
    expect(html()).not.toContain(">19.00<");
  });

  it("says why a run failed", () => {
    const { journal, html } = journalIn();
    journal.add({ event: "failed", code: "training-failed", message: "no <memory> left" });
    expect(html()).toContain("Failed: no &lt;memory&gt; left");
  });
});
