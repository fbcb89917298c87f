import { describe, expect, it } from "vitest";
import { type Dialogue, toExamples } from "../../server/routing/examples.ts";
import { logOddsOfGoing } from "../../server/routing/gate.ts";
import { decide, judge } from "../../server/routing/policy.ts";
import { trainHead } from "../../server/routing/train.ts";

const shop = ["my parcel never came", "the invoice is wrong", "refund my order", "the package is damaged"];
const garden = ["water the roses", "the tulips have lice", "prune my hedge", "seeds for the lawn"];
const details = ["it is number 7", "the red one", "since last monday", "two of them"];
const openings = ["now i also need help: ", "next, can you help: ", "another thing: ", "i also want this: "];

/** Four turns: a wish, a detail, another wish of the other kind after words that say so, a detail. */
const dialogues: Dialogue[] = shop.flatMap((wanted, at) =>
  garden.flatMap((planted, other) =>
    [[wanted, "shop", planted, "garden"] as const, [planted, "garden", wanted, "shop"] as const].map(
      ([first, one, second, two]) => ({
        turns: [
          { user: first, assistant: "Which one is it?", label: one },
          { user: details[at] ?? "", assistant: "Done. Anything else?", label: one },
          { user: `${openings[other]}${second}`, assistant: "Which one is it?", label: two },
          { user: details[other] ?? "", assistant: "Done. Anything else?", label: two },
        ],
      }),
    ),
  ),
);
const head = trainHead(toExamples(dialogues));
const heard = (first: string, assistant: string, text: string, previous: string, by = head) =>
  decide(by, {
    turns: [
      { role: "user", text: first },
      { role: "assistant", text: assistant },
      { role: "user", text },
    ],
    previous,
  });

describe("a gate between staying and leaving", () => {
  it("opens where a turn sounds like another wish, whatever it is", () => {
    const odds = (text: string, assistant: string) =>
      head.gate
        ? logOddsOfGoing(head.gate, { text, before: { earlier: ["hello"], assistant, expert: "shop" } })
        : Number.NaN;
    expect(odds("another thing: my bicycle", "Done. Anything else?")).toBeGreaterThan(0);
    expect(odds("the blue one", "Which one is it?")).toBeLessThan(0);
  });

  it("lets a wish go to its expert, and a detail stay, from either side", () => {
    const [done, which] = ["Done. Anything else?", "Which one is it?"];
    expect(heard("refund my order", done, "next, can you help: prune the roses", "shop").domain).toBe(
      "garden",
    );
    expect(heard("prune my hedge", done, "next, can you help: the parcel is damaged", "garden").domain).toBe(
      "shop",
    );
    expect(heard("refund my order", which, "the red one since monday", "shop").domain).toBe("shop");
    expect(heard("prune my hedge", which, "the red one since monday", "garden").domain).toBe("garden");
  });

  it("makes words count in the evidence as much as in the decision", () => {
    const [wish, which, text] = ["refund my order", "Which one is it?", "the red one since monday"];
    const { leaves } = judge(
      head,
      { text, before: { earlier: [wish], assistant: which, expert: "shop" } },
      () => undefined,
    );
    const { later } = head.byWords;
    /** Of the first phrase, where words count so much as far as a turn leaves, and so much as far as it stays. */
    const evidence = (leaving: number, staying: number) => {
      const scales = [leaving, staying, ...(later?.mixture.scales.slice(2) ?? [])];
      const scaled = later && { ...later, mixture: { ...later.mixture, scales } };
      const by = { ...head, byWords: { ...head.byWords, later: scaled } };
      const { domain, runnerUp, evidence } = heard(wish, which, text, "shop", by);
      expect([domain, runnerUp?.domain]).toEqual(["shop", "garden"]);
      return evidence[0]?.weight ?? 0;
    };
    const even = evidence(1, 1);
    expect(even).toBeGreaterThan(0);
    expect(evidence(0, 1)).toBeCloseTo((1 - (leaves ?? 0)) * even, 2);
    expect(evidence(1, 0)).toBeCloseTo((leaves ?? 0) * even, 2);
  });

  it("is none where no conversations were learnt", () => {
    const texts = [...shop.map((text) => ({ text, label: "shop" })), { text: "good morning", label: null }];
    expect(trainHead(texts).gate).toBeNull();
  });
});
