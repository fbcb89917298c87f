import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Scheduler } from "../../server/engines/local/scheduler.ts";
import { decodeMs, job, PREFILL_MS_PER_TOKEN, type Seen, simulate } from "../support/simulated-machine.ts";

const total = ({ at, ended }: Seen): number => ended - at;
const firstToken = ({ at, tokens }: Seen): number => (tokens[0] ?? Number.NaN) - at;
const longestGap = ({ tokens }: Seen): number =>
  Math.max(...tokens.slice(1).map((token, index) => token - (tokens[index] ?? token)));
const meanOf = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const eightOverFour = Array.from({ length: 8 }, (_, user) => ({
  user: `u${user}`,
  group: `g${user % 4}`,
  at: 0,
  prompt: 100,
  answer: 64,
}));

describe("the scheduler", () => {
  it("serves eight people over four adapters alike, and reads their prompts one after the other", () => {
    const seen = simulate(eightOverFour);
    const times = seen.map(total);
    expect(Math.max(...times) / Math.min(...times)).toBeLessThan(1.3);
    // All prompts at once would give everybody the first token at the end of the reading, 2.8 s.
    expect(meanOf(seen.map(firstToken))).toBeLessThan(2_200);
    expect(Math.min(...seen.map(firstToken))).toBeLessThan(400);
  });

  it("never leaves a stream without a token for much longer than 200 ms, however long a prompt beside it", () => {
    const streams = [0, 1, 2].map((user) => ({
      user: `u${user}`,
      group: "g",
      at: 0,
      prompt: 20,
      answer: 400,
    }));
    const seen = simulate([...streams, { user: "long", group: "other", at: 500, prompt: 1800, answer: 5 }]);
    for (const stream of seen.slice(0, 3)) expect(longestGap(stream)).toBeLessThan(320);
    // Nor does the long prompt starve beside them.
    expect(firstToken(seen[3] as Seen)).toBeLessThan(6 * 1800 * PREFILL_MS_PER_TOKEN);
  });

  it("lets no stream stand still while somebody who came later catches up", () => {
    const eight = eightOverFour.map((ask) => ({ ...ask, answer: 300 }));
    const ninth = { user: "ninth", group: "g0", at: 6_000, prompt: 100, answer: 30 };
    for (const stream of simulate([...eight, ninth]))
      expect(longestGap({ ...stream, tokens: stream.tokens.filter((at) => at > 5_000) })).toBeLessThan(320);
  });

  it("reads prompts at a fair pace however many adapters have streams that are due", () => {
    const streams = Array.from({ length: 24 }, (_, index) => ({
      user: `u${index}`,
      group: `g${index}`,
      at: 0,
      prompt: 5,
      answer: 400,
    }));
    const late = { user: "late", group: "other", at: 5_000, prompt: 200, answer: 5 };
    // Alone it takes 0.7 s to read; beside streams that cannot all be in time it gets a fair part of the time.
    expect(firstToken(simulate([...streams, late]).at(-1) as Seen)).toBeLessThan(5_000);
  });

  it("reads a short prompt before a long one that came first", () => {
    const [long, short] = simulate([
      { user: "a", group: "g", at: 0, prompt: 1500, answer: 5 },
      { user: "b", group: "h", at: 50, prompt: 40, answer: 5 },
    ]) as [Seen, Seen];
    expect(firstToken(short)).toBeLessThan(500);
    expect(firstToken(long)).toBeGreaterThan(firstToken(short));
  });

  it("shares the machine between people, not between requests", () => {
    const many = Array.from({ length: 8 }, (_, index) => ({
      user: "many",
      group: `g${index % 4}`,
      at: 0,
      prompt: 50,
      answer: 100,
    }));
    const seen = simulate([...many, { user: "one", group: "h", at: 0, prompt: 50, answer: 100 }]);
    const one = seen.at(-1) as Seen;
    // Alone it would take about a second; with a ninth of the machine over eight.
    expect(total(one)).toBeLessThan(3_000);
    for (const other of seen.slice(0, 8)) expect(total(other)).toBeGreaterThan(total(one));
  });

  it("gives the sequences of one adapter to different people first", () => {
    const seen = simulate(
      [
        ...Array.from({ length: 6 }, () => ({ user: "many", group: "g", at: 0, prompt: 20, answer: 40 })),
        { user: "one", group: "g", at: 1, prompt: 20, answer: 40 },
      ],
      { sequences: 1 },
    );
    const ended = seen.map((ask) => ask.ended);
    expect([...ended].sort((a, b) => a - b).indexOf(ended[6] as number)).toBe(1);
  });

  it("lets nobody's second request wait for ever behind newcomers", () => {
    const newcomers = Array.from({ length: 60 }, (_, index) => ({
      user: `n${index}`,
      group: "g",
      at: index * 350,
      prompt: 20,
      answer: 40,
    }));
    const patient = { user: "first", group: "g", at: 0, prompt: 20, answer: 40 };
    const seen = simulate([patient, { ...patient, at: 1 }, ...newcomers], { sequences: 1 });
    expect(total(seen[1] as Seen)).toBeLessThan(15_000);
  });

  it("batches all streams of an adapter in every step", () => {
    const seen = simulate(
      Array.from({ length: 4 }, (_, user) => ({
        user: `u${user}`,
        group: "g",
        at: 0,
        prompt: 1,
        answer: 50,
      })),
    );
    // Four alone would take 4 x 50 x 8 ms.
    expect(Math.max(...seen.map((ask) => ask.ended))).toBeLessThan(51 * decodeMs(4) + 100);
  });

  it("steps every group at once on a GPU", () => {
    const scheduler = new Scheduler({ maxWaiting: 10, batchSize: 256, groupsAtOnce: 16 });
    ["a", "b", "c"].forEach((group, id) => {
      scheduler.submit(job({ id, user: group, group }), 0);
      scheduler.admit(id, 10, 0);
    });
    expect(scheduler.plan(0).map((step) => step.group)).toEqual(["a", "b", "c"]);
  });

  it("refuses more than may wait, and says who has waited too long", () => {
    const scheduler = new Scheduler({ maxWaiting: 2, batchSize: 256, groupsAtOnce: 1 });
    expect([1, 2, 3].map((id) => scheduler.submit(job({ id, startBy: 100 * id }), 0))).toEqual([
      true,
      true,
      false,
    ]);
    expect(scheduler.expired(150).map(({ id }) => id)).toEqual([1]);
    scheduler.remove(1);
    expect(scheduler.submit(job({ id: 4 }), 0)).toBe(true);
    expect([...scheduler.positions(1000, 0)]).toEqual([
      [2, 0],
      [4, 1],
    ]);
  });

  it("warms prompts up only while nobody waits", () => {
    const scheduler = new Scheduler({ maxWaiting: 10, batchSize: 256, groupsAtOnce: 1 });
    scheduler.submit(job({ id: 1, user: "", group: "a", background: true }), 0);
    scheduler.admit(1, 100, 0);
    scheduler.submit(job({ id: 2, user: "u", group: "b" }), 0);
    scheduler.admit(2, 30, 0);
    expect(scheduler.plan(0)[0]?.group).toBe("b");
    scheduler.remove(2);
    expect(scheduler.plan(0)[0]?.group).toBe("a");
  });

  it("lets the least busy adapter give way to one that has waited for a context", () => {
    const scheduler = new Scheduler({ maxWaiting: 10, batchSize: 256, groupsAtOnce: 1 });
    const running = [
      job({ id: 1, group: "busy" }),
      job({ id: 2, group: "busy" }),
      job({ id: 3, group: "calm" }),
    ];
    for (const one of running) {
      scheduler.submit(one, 0);
      scheduler.admit(one.id, 10, 0);
    }
    const stuck = job({ id: 4, group: "new" });
    scheduler.submit(stuck, 0);
    expect(scheduler.draining([stuck], 100)).toBeNull();
    expect(scheduler.draining([stuck], 5_000)).toBe("calm");
  });

  it("serves everybody whoever comes, goes and is cancelled", () => {
    const ask = fc.record({
      user: fc.constantFrom("a", "b", "c", "d"),
      group: fc.constantFrom("g", "h", "i"),
      at: fc.integer({ min: 0, max: 3_000 }),
      prompt: fc.integer({ min: 1, max: 600 }),
      answer: fc.integer({ min: 1, max: 60 }),
      cancelAt: fc.option(fc.integer({ min: 0, max: 6_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(ask, { minLength: 1, maxLength: 14 }), (asks) => {
        const seen = simulate(
          asks.map(({ cancelAt, ...rest }) => (cancelAt === undefined ? rest : { ...rest, cancelAt })),
          { sequences: 2 },
        );
        for (const { ended, tokens, answer, cancelAt } of seen) {
          expect(ended).not.toBeNaN();
          if (cancelAt === undefined) expect(tokens.length).toBe(answer);
        }
        // Nobody waits for longer than all the work there is.
        const work = asks.reduce(
          (sum, { prompt, answer: tokens }) => sum + prompt * PREFILL_MS_PER_TOKEN + tokens * 8,
          0,
        );
        for (const one of seen) expect(total(one)).toBeLessThanOrEqual(work + 4_000);
      }),
      { numRuns: 150 },
    );
  });
});
