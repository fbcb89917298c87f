import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { PatchbayError } from "../protocol/index.ts";

/** What numpy, pandas and others of the pinned versions ask for. */
const LEAST_MINOR = 11;
const INSTALL_HINT = `Install Python 3.${LEAST_MINOR} or newer with its venv module (on Debian: apt install python3-venv).`;

/**
 * Python with the trainer's pinned packages, made once for each version of requirements.txt and kept in the cache.
 * @returns path of its interpreter
 * @throws {PatchbayError} `python-missing`, `training-failed`
 */
export async function pythonEnvironment(
  requirements: string,
  cacheDir: string,
  onLine: (line: string) => void,
): Promise<string> {
  const version = createHash("sha256").update(fs.readFileSync(requirements)).digest("hex").slice(0, 12);
  const folder = path.join(cacheDir, "python", version);
  const python = path.join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const complete = path.join(folder, "complete");
  if (fs.existsSync(complete)) return python;
  checkVersion(await run("python3", ["--version"], onLine));
  // A half-made one, from a run that was ended: it cannot be told what is missing.
  fs.rmSync(folder, { recursive: true, force: true });
  onLine("making the Python environment (once; PyTorch is large, this takes some minutes)");
  await run("python3", ["-m", "venv", folder], onLine);
  await run(
    python,
    ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", requirements],
    onLine,
  );
  fs.writeFileSync(complete, new Date().toISOString());
  return python;
}

/** Before pip, which would name a package that it does not find for an older Python. @param found such as `Python 3.11.7` */
function checkVersion(found: string): void {
  const [, major = 0, minor = 0] = /^Python (\d+)\.(\d+)/.exec(found)?.map(Number) ?? [];
  if (major > 3 || (major === 3 && minor >= LEAST_MINOR)) return;
  throw new PatchbayError(
    "python-missing",
    `Training needs Python 3.${LEAST_MINOR} or newer; python3 is ${found.trim() || "of no known version"}.`,
    { hint: INSTALL_HINT },
  );
}

/** @returns the end of what it printed */
async function run(command: string, args: string[], onLine: (line: string) => void): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let tail = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-4_000);
      for (const line of text.split("\n"))
        if (/^(Collecting|Downloading|Installing)/.test(line)) onLine(line);
    });
  }
  await new Promise<void>((resolve, reject) => {
    child.on("error", (cause) =>
      reject(
        new PatchbayError("python-missing", "python3 was not found.", {
          hint: INSTALL_HINT,
          cause,
        }),
      ),
    );
    // Not "exit", which may come before the last of the output.
    child.on("close", (code) =>
      code === 0
        ? resolve()
        : reject(
            new PatchbayError(
              "training-failed",
              `The Python environment could not be made: ${tail.trim().split("\n").at(-1)}`,
              { details: tail },
            ),
          ),
    );
  });
  return tail;
}
