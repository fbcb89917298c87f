import { describe, expect, it } from "vitest";
import { ThreadGovernor } from "../../server/engines/local/thread-governor.ts";

/**
 * Decodes for some time on a machine whose neighbour is busy or not. Returns the time spent and the tokens made.
 * @param seen whether the system counts the neighbour's time; another virtual machine's it does not
 */
function decode(governor: ThreadGovernor, from: number, forMs: number, busy: boolean, seen = true) {
  let now = from;
  let tokens = 0;
  const cores = busy && seen ? 1.1 : 2;
  while (now < from + forMs) {
    // Measured on two cores: 10 ms with two threads, 13 with one; beside a training 500 and 14.
    const cost = governor.threads === 2 ? (busy ? 500 : 10) : busy ? 14 : 13;
    now += cost;
    tokens++;
    governor.observe("decode", cost, now, cores);
  }
  return { now, tokens };
}

describe("threads beside other programs", () => {
  it("are all used while steps stay fast", () => {
    const governor = new ThreadGovernor(2);
    const { tokens } = decode(governor, 0, 10_000, false);
    expect(governor.threads).toBe(2);
    expect(tokens).toBeGreaterThan(0.98 * 1_000);
  });

  it("stay all in use when a few steps come late", () => {
    const governor = new ThreadGovernor(2);
    const { now } = decode(governor, 0, 5_000, false);
    for (let step = 0; step < 200; step++) {
      governor.observe("decode", step % 40 < 2 ? 35 : 10, now + 12 * step, 1.8);
      expect(governor.threads).toBe(2);
    }
  });

  it("become fewer when a neighbour takes a core, and most of the speed stays", () => {
    const governor = new ThreadGovernor(2);
    const idle = decode(governor, 0, 5_000, false);
    const { tokens } = decode(governor, idle.now, 120_000, true);
    expect(tokens).toBeGreaterThan(0.9 * (120_000 / 14));
  });

  it("become fewer by the pace of the steps alone where the system does not see the neighbour", () => {
    const governor = new ThreadGovernor(2);
    const idle = decode(governor, 0, 5_000, false);
    const { tokens } = decode(governor, idle.now, 120_000, true, false);
    expect(tokens).toBeGreaterThan(0.9 * (120_000 / 14));
  });

  it("are not even tried beside a neighbour that is seen", () => {
    const governor = new ThreadGovernor(2);
    for (let step = 0; step < 5_000; step++) {
      governor.observe("decode", 14, step * 14, 1.1);
      expect(governor.threads).toBe(1);
    }
  });

  it("come back when the neighbour is gone", () => {
    const governor = new ThreadGovernor(2);
    const busy = decode(governor, 0, 20_000, true);
    const { tokens } = decode(governor, busy.now, 120_000, false);
    expect(governor.threads).toBe(2);
    expect(tokens).toBeGreaterThan(0.9 * 12_000);
  });

  it("learn about prefill and decode apart", () => {
    const governor = new ThreadGovernor(4);
    for (let step = 0; step < 20; step++) governor.observe("prefill", 3, step, 4);
    expect(governor.threads).toBe(4);
    for (let step = 0; step < 3; step++) governor.observe("decode", 12, 20 + step, 4);
    expect(governor.threads).toBe(3);
    for (let step = 0; step < 3; step++) governor.observe("decode", 13, 30 + step, 4);
    expect(governor.threads).toBe(4);
  });

  it("stay one where there is one core", () => {
    const governor = new ThreadGovernor(1);
    decode(governor, 0, 1_000, true);
    expect(governor.threads).toBe(1);
  });
});
