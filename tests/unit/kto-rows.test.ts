import { describe, expect, it } from "vitest";
import { ktoRows } from "../../server/feedback/index.ts";

const seen = {
  messages: [
    { role: "system" as const, content: "Be brief." },
    { role: "user" as const, content: "Where is my parcel?" },
  ],
  answer: "On its way.",
};

describe("votes as KTO rows", () => {
  it("make a desirable row of a thumb up and an undesirable one of a thumb down", () => {
    expect(ktoRows(seen, 1, "")).toEqual([
      { prompt: seen.messages, completion: [{ role: "assistant", content: "On its way." }], label: true },
    ]);
    expect(ktoRows(seen, -1, "").map((row) => row.label)).toEqual([false]);
  });

  it("teach the corrected answer too", () => {
    expect(
      ktoRows(seen, -1, "It arrives on Monday.").map((row) => [row.completion[0]?.content, row.label]),
    ).toEqual([
      ["On its way.", false],
      ["It arrives on Monday.", true],
    ]);
  });
});
