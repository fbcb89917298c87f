import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Soon } from "../../server/heads/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("runs once things have been quiet for a while, at the latest after the longest wait, and not once closed", () => {
  let runs = 0;
  const soon = new Soon(() => runs++, { quietMs: 100, mostMs: 250 });
  soon.call();
  vi.advanceTimersByTime(90);
  soon.call();
  vi.advanceTimersByTime(90);
  expect(runs).toBe(0);
  vi.advanceTimersByTime(10);
  expect(runs).toBe(1);
  for (let at = 0; at < 250; at += 50) {
    soon.call();
    vi.advanceTimersByTime(50);
  }
  expect(runs).toBe(2);
  soon.call();
  soon.close();
  vi.advanceTimersByTime(1_000);
  expect(runs).toBe(2);
});
