import { describe, expect, it } from "vitest";
import type { Outcome } from "../../server/engines/local/messages.ts";
import { Outbox } from "../../server/engines/local/outbox.ts";

function collecting() {
  const sent: Outcome[][] = [];
  return { sent, outbox: new Outbox((outcomes) => sent.push(outcomes)) };
}

const delta = (id: number, text: string): Outcome => ({ id, event: { type: "delta", text } });

describe("the outbox", () => {
  it("sends first words at once and later ones together", () => {
    const { sent, outbox } = collecting();
    outbox.addText(1, "Hel", true);
    expect(outbox.flush(1_000)).toBe(true);
    outbox.addText(1, "lo", false);
    outbox.addText(2, "Good", false);
    outbox.addText(1, "!", false);
    expect(outbox.flush(1_050)).toBe(false);
    expect(outbox.flush(1_100)).toBe(true);
    expect(sent).toEqual([[delta(1, "Hel")], [delta(1, "lo!"), delta(2, "Good")]]);
  });

  it("keeps the order of text and end within an answer", () => {
    const { sent, outbox } = collecting();
    const finished: Outcome = { id: 1, event: { type: "finished", reason: "stop", completionTokens: 2 } };
    outbox.addText(1, "the end", false);
    outbox.add(finished);
    outbox.flush(0);
    expect(sent).toEqual([[delta(1, "the end"), finished]]);
  });

  it("sends nothing when there is nothing", () => {
    const { sent, outbox } = collecting();
    outbox.addText(1, "", true);
    expect(outbox.flush(10_000)).toBe(false);
    expect(sent).toEqual([]);
  });
});
