import { describe, expect, it } from "vitest";
import { begun } from "../../server/chat/begun.ts";

describe("begun", () => {
  it("asks for the first value before anybody reads, and for no other", async () => {
    const made: number[] = [];
    const values = begun(counting(made, 3));
    await turnOfTheLoop();
    expect(made).toEqual([1]);
    expect(await all(values)).toEqual([1, 2, 3]);
  });

  it("keeps a failure until the values are read", async () => {
    const values = begun(failing());
    await turnOfTheLoop();
    await expect(all(values)).rejects.toThrow("no model");
  });

  it("ends the source when the reader leaves early", async () => {
    const made: number[] = [];
    for await (const value of begun(counting(made, 9))) if (value === 2) break;
    expect(made).toEqual([1, 2, Number.NaN]);
  });
});

/** Writes down what it has made, and NaN once it has ended. */
async function* counting(made: number[], last: number): AsyncGenerator<number> {
  try {
    for (let value = 1; value <= last; value++) {
      made.push(value);
      yield value;
    }
  } finally {
    if (made.length < last) made.push(Number.NaN);
  }
}

// biome-ignore lint/correctness/useYield: it fails before its first value
async function* failing(): AsyncGenerator<number> {
  throw new Error("no model");
}

const turnOfTheLoop = () => new Promise((done) => setImmediate(done));

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const value of values) read.push(value);
  return read;
}
