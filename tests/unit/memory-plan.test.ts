import { describe, expect, it } from "vitest";
import { planMemory } from "../../server/engines/local/memory-plan.ts";

const GIB = 1024 ** 3;
/** As with the default model at 2,048 tokens: 50 MiB and 45 for each sequence. */
const contextBytes = (sequences: number): number => (50 + 45 * sequences) * 1024 ** 2;
const byDefault = { sequences: null, memoryMiB: null };

describe("the memory plan", () => {
  it("gives a large machine more sequences, a small one fewer, and never less than one context", () => {
    expect(planMemory(byDefault, 6 * GIB, contextBytes)).toMatchObject({ sequences: 4, maxContexts: 26 });
    expect(planMemory(byDefault, 2 * GIB, contextBytes)).toMatchObject({ sequences: 4, maxContexts: 8 });
    expect(planMemory(byDefault, 1 * GIB, contextBytes)).toMatchObject({ sequences: 2, maxContexts: 7 });
    expect(planMemory(byDefault, GIB / 16, contextBytes)).toMatchObject({ sequences: 2, maxContexts: 1 });
  });

  it("keeps to what was set by hand", () => {
    expect(planMemory({ sequences: 2, memoryMiB: 300 }, 99 * GIB, contextBytes)).toMatchObject({
      sequences: 2,
      maxContexts: 2,
    });
    expect(() => planMemory({ sequences: 8, memoryMiB: 300 }, 99 * GIB, contextBytes)).toThrow(
      expect.objectContaining({ code: "bad-request" }),
    );
  });

  it("keeps the number of adapters bounded on a huge machine", () => {
    expect(planMemory(byDefault, 900 * GIB, contextBytes).maxContexts).toBe(32);
  });
});
