import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { branchTo, newestLeafBelow } from "../../server/chat/tree.ts";
import type { Question } from "../../server/protocol/index.ts";

const id = (n: number): string => `01KAAAAAAAAAAAAAAAAAAAA${String(n).padStart(3, "0")}`;

/** A tree in which every message but the first has an earlier one as its parent. */
const trees = fc.array(fc.nat(), { minLength: 1, maxLength: 30 }).map((picks) =>
  picks.map(
    (pick, index): Question => ({
      id: id(index),
      conversationId: id(999),
      parentId: index === 0 ? null : id(pick % index),
      role: "user",
      text: "",
      clientId: null,
      createdAt: "",
      routeCorrection: null,
    }),
  ),
);

describe("the message tree", () => {
  it("leads from the root to any message by parents alone", () => {
    fc.assert(
      fc.property(trees, fc.nat(), (messages, pick) => {
        const leaf = messages[pick % messages.length] as Question;
        const branch = branchTo(messages, leaf.id);
        expect(branch[0]?.parentId).toBeNull();
        expect(branch.at(-1)).toBe(leaf);
        for (let index = 1; index < branch.length; index++)
          expect(branch[index]?.parentId).toBe(branch[index - 1]?.id);
      }),
    );
  });

  it("leads from any message down to a leaf that has it on its branch, by the newest children", () => {
    fc.assert(
      fc.property(trees, fc.nat(), (messages, pick) => {
        const start = messages[pick % messages.length] as Question;
        const leaf = newestLeafBelow(messages, start.id);
        expect(messages.some((message) => message.parentId === leaf)).toBe(false);
        const branch = branchTo(messages, leaf);
        const below = branch.slice(branch.indexOf(start));
        expect(below[0]).toBe(start);
        for (const message of below.slice(1))
          expect(messages.filter((other) => other.parentId === message.parentId).at(-1)).toBe(message);
      }),
    );
  });

  it("has an empty branch above nothing", () => {
    expect(branchTo([], null)).toEqual([]);
  });
});
