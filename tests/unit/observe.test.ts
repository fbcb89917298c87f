import fs from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newRecord, type TurnEnding, type TurnRecord } from "../../server/chat/observer.ts";
import { openLog } from "../../server/observe/log.ts";
import { Metrics } from "../../server/observe/metrics/metrics.ts";
import { phasesOf } from "../../server/observe/phases.ts";
import { TraceHeaders } from "../../server/protocol/index.ts";

const finished: TurnEnding = { is: "finished", reason: "stop" };
const failed: TurnEnding = { is: "failed", code: "queue-timeout" };

/** A turn whose steps were reached at these times; fewer of them: it ended after the last. */
function turnWith(...times: number[]): TurnRecord {
  const [startedAt = 0, routedAt = null, prefillAt = null, decodeAt = null, endedAt = times.at(-1) ?? 0] =
    times;
  const record = newRecord(startedAt);
  record.times = { startedAt, routedAt, prefillAt, decodeAt, firstTextAt: decodeAt, endedAt };
  return record;
}

describe("the phases of a turn", () => {
  it("follow each other from the question to the end", () => {
    expect(phasesOf(turnWith(10, 14, 20, 50, 90), finished)).toEqual([
      { name: "route", from: 10, to: 14, isComplete: true },
      { name: "queue", from: 14, to: 20, isComplete: true },
      { name: "prefill", from: 20, to: 50, isComplete: true },
      { name: "decode", from: 50, to: 90, isComplete: true },
    ]);
  });

  it("end with the one in which it was stopped or failed, which did not come to its own end", () => {
    const waited = { ...turnWith(0, 4) };
    waited.times.endedAt = 300;
    for (const ending of [failed, { is: "finished", reason: "stopped" } as const])
      expect(phasesOf(waited, ending).at(-1)).toEqual({ name: "queue", from: 4, to: 300, isComplete: false });
    expect(phasesOf(turnWith(0, 4, 5, 6, 9), failed).at(-1)).toMatchObject({
      name: "decode",
      isComplete: false,
    });
  });

  it("add up to the whole, however far it came", () => {
    const steps = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(steps, fc.constantFrom(finished, failed), (times, ending) => {
        const record = turnWith(...times.toSorted((one, other) => one - other));
        const phases = phasesOf(record, ending);
        expect(phases[0]?.from).toBe(record.times.startedAt);
        expect(phases.at(-1)?.to).toBe(record.times.endedAt);
        for (const [index, { from, to }] of phases.entries()) {
          expect(to).toBeGreaterThanOrEqual(from);
          if (index > 0) expect(from).toBe(phases[index - 1]?.to);
        }
      }),
    );
  });
});

describe("the table of metrics in the documentation", () => {
  it("names all that there are and no others", async () => {
    const state = { isReady: false, sockets: 0, engines: [], local: null, remotes: [] };
    const { text } = await new Metrics().text(state);
    const there = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
    const table = fs.readFileSync("docs/observe.md", "utf8").matchAll(/`((?:patchbay|process|nodejs)_\w+)`/g);
    expect(there.length).toBeGreaterThan(25);
    expect(new Set([...table].map(([, name]) => name))).toEqual(new Set(there));
  });
});

describe("the log", () => {
  it("says what faults were, to people with where, to programs in one line", () => {
    const fault = new Error("It broke.\nReally.");
    const written: string[] = [];
    for (const format of ["lines", "json"] as const)
      openLog({ format, showsText: false }, (line) => written.push(line)).fault(fault);
    expect(written[0]).toBe(fault.stack);
    expect(written[1]).not.toContain("\n");
    expect(JSON.parse(written[1] ?? "")).toMatchObject({
      level: "error",
      message: fault.message,
      stack: fault.stack,
    });
  });
});

describe("a caller's trace", () => {
  const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

  it("is taken as the standard has it", () => {
    expect(TraceHeaders.parse({ traceparent: good, host: "localhost" })).toEqual({ traceparent: good });
    expect(TraceHeaders.parse({ traceparent: good, tracestate: "a=b" }).tracestate).toBe("a=b");
  });

  it.each([
    ["of a version that cannot be", good.replace(/^00/, "ff")],
    ["without a trace", good.replace(/4bf9[^-]*/, "0".repeat(32))],
    ["without a span", good.replace(/00f0[^-]*/, "0".repeat(16))],
    ["in capitals", good.toUpperCase()],
    ["sent twice", `${good}, ${good}`],
    ["cut off", good.slice(0, -1)],
    ["that is none", "yes"],
  ])("is not taken %s", (_, traceparent) => {
    expect(TraceHeaders.safeParse({ traceparent }).success).toBe(false);
  });
});
