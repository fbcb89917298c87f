import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** The rules of .dependency-cruiser.cjs over a copy of the sources, so that a violation can be planted. */
let copy: string;

beforeEach(() => {
  copy = fs.mkdtempSync(path.join(os.tmpdir(), "patchbay-architecture-"));
  for (const name of ["server", "client", "db", ".dependency-cruiser.cjs", "tsconfig.json", "package.json"])
    fs.cpSync(name, path.join(copy, name), { recursive: true });
  fs.symlinkSync(path.resolve("node_modules"), path.join(copy, "node_modules"));
});
afterEach(() => fs.rmSync(copy, { recursive: true, force: true }));

function lint(): { status: number | null; output: string } {
  const bin = path.resolve("node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const result = spawnSync(process.execPath, [bin, "server", "client", "db", "--config"], {
    cwd: copy,
    encoding: "utf8",
  });
  return { status: result.status, output: result.stdout + result.stderr };
}

describe("the arrows between the rooms", () => {
  it("hold as the sources stand", () => {
    const { status, output } = lint();
    expect(output).toMatch(/no dependency violations found \(\d{2,} modules/);
    expect(status).toBe(0);
  });

  it.each([
    ["server/engines/planted.ts", "../gateway/index.ts", "server-engines-imports-only-its-neighbours"],
    ["client/sdk/planted.ts", "../../server/chat/index.ts", "client-sdk-imports-only-its-neighbours"],
    ["client/sdk/planted.ts", "node:fs", "the-sdk-runs-in-browsers"],
    ["server/chat/planted.ts", "../engines/local/worker.ts", "server-engines-is-entered-by-its-index"],
    ["db/planted.ts", "./not-there.ts", "nothing-unresolved"],
  ])("fail the lint when %s imports %s", (file, target, rule) => {
    fs.writeFileSync(path.join(copy, file), `import "${target}";\n`);
    const { status, output } = lint();
    expect(status).not.toBe(0);
    expect(output).toContain(rule);
  });
});
