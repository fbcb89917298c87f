import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readHistory, writeHistory } from "../../client/terminal/history.ts";
import { temporaryFolder } from "../support/folder.ts";

describe("the terminal's history", () => {
  it("is there the next time, newest first, for this user alone, and no longer than 500 questions", () => {
    const file = path.join(temporaryFolder(), "cache", "terminal-history");
    expect(readHistory(file)).toEqual([]);
    const asked = Array.from({ length: 600 }, (_, index) => `question ${600 - index}\nsecond line`);
    writeHistory(file, asked);
    expect(readHistory(file)).toEqual(asked.slice(0, 500));
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  });

  it("begins anew where its file is damaged", () => {
    const file = path.join(temporaryFolder(), "terminal-history");
    fs.writeFileSync(file, '"fine"\n{broken');
    expect(readHistory(file)).toEqual([]);
  });
});
