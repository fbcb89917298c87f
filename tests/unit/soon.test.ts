import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Soon } from "../../server/heads/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("runs once things have been quiet for a while, at the latest after the longest wait, and not once closed", async () => {
  let runs = 0;
  const soon = new Soon(async () => void runs++, { quietMs: 100, mostMs: 250 });
  soon.call();
  await vi.advanceTimersByTimeAsync(90);
  soon.call();
  await vi.advanceTimersByTimeAsync(90);
  expect(runs).toBe(0);
  await vi.advanceTimersByTimeAsync(10);
  expect(runs).toBe(1);
  for (let at = 0; at < 250; at += 50) {
    soon.call();
    await vi.advanceTimersByTimeAsync(50);
  }
  expect(runs).toBe(2);
  soon.call();
  soon.close();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(runs).toBe(2);
});

it("rests after a run for as long as that took, however often it is called", async () => {
  const begun: number[] = [];
  const start = Date.now();
  const soon = new Soon(
    () => {
      begun.push(Date.now() - start);
      return new Promise((resolve) => setTimeout(resolve, 1_000));
    },
    { quietMs: 10, mostMs: 20 },
  );
  soon.call();
  await vi.advanceTimersByTimeAsync(1_010);
  for (let at = 0; at < 1_200; at += 5) {
    soon.call();
    await vi.advanceTimersByTimeAsync(5);
  }
  expect(begun).toEqual([10, 2_010]);
});
