import fs from "node:fs";
import { describe, expect, it } from "vitest";
import { errorTable } from "../../server/protocol/index.ts";

describe("docs/errors.md", () => {
  it("lists every error with its status and meaning, and no other", () => {
    const rows = [
      ...fs.readFileSync("docs/errors.md", "utf8").matchAll(/^\| `([a-z-]+)` \| (\d+) \| (.+) \|$/gm),
    ];
    const documented = Object.fromEntries(
      rows.map(([, code, status, meaning]) => [code, { status: Number(status), meaning }]),
    );
    expect(documented).toEqual(errorTable);
  });
});
