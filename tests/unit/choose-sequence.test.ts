import { describe, expect, it } from "vitest";
import { chooseSequence } from "../../server/engines/local/choose-sequence.ts";

const MINUTE = 60_000;

describe("the choice of a sequence", () => {
  it("takes the one that holds the conversation so far", () => {
    const free = [
      { shared: 40, held: 900, idleMs: 0, besideRunning: false },
      { shared: 300, held: 300, idleMs: 0, besideRunning: false },
      { shared: 40, held: 40, idleMs: 0, besideRunning: false },
    ];
    expect(chooseSequence(free, 40, 3)).toBe(1);
  });

  it("starts a new conversation where least is lost: an empty one, then the shortest, then the oldest", () => {
    const long = { shared: 40, held: 900, idleMs: MINUTE, besideRunning: false };
    const short = { shared: 40, held: 200, idleMs: MINUTE, besideRunning: false };
    const empty = { shared: 0, held: 0, idleMs: Number.POSITIVE_INFINITY, besideRunning: false };
    expect(chooseSequence([long, short, empty], 40, 3)).toBe(2);
    expect(chooseSequence([long, short], 40, 3)).toBe(1);
    expect(chooseSequence([{ ...long, idleMs: 90 * MINUTE, besideRunning: false }, short], 40, 3)).toBe(0);
  });

  it("goes back in a conversation rather than reading it again", () => {
    // Another answer to the same question: what the last answer left behind is dropped.
    expect(
      chooseSequence(
        [
          { shared: 500, held: 700, idleMs: 0, besideRunning: false },
          { shared: 0, held: 0, idleMs: 0, besideRunning: false },
        ],
        40,
        3,
      ),
    ).toBe(0);
  });

  it("goes beside those in use, where they decode as one batch, unless that costs a longer conversation", () => {
    const free = { shared: 40, held: 300, idleMs: MINUTE, besideRunning: false };
    const beside = { ...free, held: 350, besideRunning: true };
    expect(chooseSequence([free, beside], 40, 3)).toBe(1);
    expect(chooseSequence([free, { ...beside, held: 900 }], 40, 3)).toBe(0);
    expect(chooseSequence([{ ...free, shared: 300 }, beside], 40, 3)).toBe(0);
    // Where a prompt is read fast, reading it again costs less than decoding apart.
    expect(chooseSequence([free, { ...beside, held: 500 }], 40, 3)).toBe(0);
    expect(chooseSequence([free, { ...beside, held: 500 }], 40, 1)).toBe(1);
  });

  it("has nothing to choose from an empty list", () => {
    expect(chooseSequence([], 0, 3)).toBe(-1);
  });
});
