import { describe, expect, it } from "vitest";
import { augment, paraphrase } from "../../server/learning/augment.ts";
import type { Conversation } from "../../server/learning/dataset.ts";

const row: Conversation = {
  id: "support-1",
  label: "billing",
  messages: [
    { role: "user", content: "I was charged twice. What should I do because I need to pay my rent?" },
    { role: "assistant", content: "Sorry about that. I can help you get the second charge back." },
    { role: "user", content: "I am in a hurry, can you help me with it right now?" },
    { role: "assistant", content: "Yes. Open your order and choose the refund." },
  ],
};

const answersOf = ({ messages }: Conversation) => messages.filter(({ role }) => role === "assistant");

describe("a paraphrase", () => {
  it("changes what is asked, never an answer, a label or a number of turns", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const child = paraphrase(row, seed);
      expect(answersOf(child)).toEqual(answersOf(row));
      expect(child.label).toBe("billing");
      expect(child.messages.map(({ role }) => role)).toEqual(row.messages.map(({ role }) => role));
      expect(child.messages[0]?.content.trim()).not.toBe("");
    }
  });

  it("differs from seed to seed and is the same for the same one", () => {
    const children = Array.from({ length: 20 }, (_, seed) => JSON.stringify(paraphrase(row, seed)));
    expect(new Set(children).size).toBeGreaterThan(15);
    expect(JSON.stringify(paraphrase(row, 4))).toBe(children[4]);
  });

  it("stays near its parent", () => {
    const words = new Set(row.messages[0]?.content.toLowerCase().match(/[a-z]+/g));
    for (let seed = 1; seed <= 50; seed++) {
      const kept = (
        paraphrase(row, seed)
          .messages[0]?.content.toLowerCase()
          .match(/[a-z]+/g) ?? []
      ).filter((word) => words.has(word));
      expect(kept.length).toBeGreaterThanOrEqual(words.size * 0.4);
    }
  });
});

describe("augmented rows", () => {
  it("are every row and, where it changed, one child of it right behind", () => {
    const rows = augment([row, { ...row, id: "support-2" }], 1);
    expect(rows.map(({ id }) => id)).toEqual([
      "support-1",
      "support-1-paraphrase",
      "support-2",
      "support-2-paraphrase",
    ]);
    expect(rows[1]?.messages).not.toEqual(rows[3]?.messages);
  });
});
