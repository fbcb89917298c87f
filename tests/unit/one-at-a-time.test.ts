import { expect, it } from "vitest";
import { OneAtATime } from "../../server/chat/one-at-a-time.ts";

it("runs a task once more when it was asked for in the middle, and never twice at once", async () => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const task = new OneAtATime(
    async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      runs++;
    },
    () => undefined,
  );
  await task.run();
  expect(runs).toBe(1);
  await Promise.all([task.run(), task.run(), task.run()]);
  expect({ runs, most }).toEqual({ runs: 3, most: 1 });
});

it("tells of a failure and runs again when asked", async () => {
  const faults: unknown[] = [];
  let runs = 0;
  const task = new OneAtATime(
    async () => {
      if (++runs === 1) throw new Error("no");
    },
    (error) => faults.push(error),
  );
  await task.run();
  await task.run();
  expect({ runs, faults }).toEqual({ runs: 2, faults: [new Error("no")] });
});
