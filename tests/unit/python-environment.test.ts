import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { pythonEnvironment } from "../../server/learning/index.ts";
import { temporaryFolder } from "../support/folder.ts";

afterEach(() => vi.unstubAllEnvs());

/** Asks for an environment where the only python3 says that it is this version, and notes what else it is asked for. */
async function withPython(version: string) {
  const folder = temporaryFolder();
  const asked = path.join(folder, "asked");
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo "${version}"; else echo "$@" >>"${asked}"; fi\n`;
  fs.writeFileSync(path.join(folder, "python3"), script, { mode: 0o755 });
  fs.writeFileSync(path.join(folder, "requirements.txt"), "");
  vi.stubEnv("PATH", folder);
  const error = await pythonEnvironment(path.join(folder, "requirements.txt"), folder, () => undefined).catch(
    (cause: unknown) => cause,
  );
  return { error, asked: fs.existsSync(asked) ? fs.readFileSync(asked, "utf8") : "" };
}

describe.skipIf(process.platform === "win32")("the trainer's Python", () => {
  it.each(["Python 3.10.12", "Python 2.7.18", "something else"])(
    "is refused before anything is made where it is %s",
    async (version) => {
      const { error, asked } = await withPython(version);
      expect(error).toMatchObject({
        code: "python-missing",
        message: `Training needs Python 3.11 or newer; python3 is ${version}.`,
        hint: expect.stringContaining("Python 3.11"),
      });
      expect(asked).toBe("");
    },
  );

  it.each(["Python 3.11.7", "Python 3.13.0rc1"])("is taken where it is %s", async (version) => {
    const { asked } = await withPython(version);
    expect(asked).toMatch(/^-m venv /);
  });
});
