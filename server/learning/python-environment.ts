import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { PatchbayError } from "../protocol/index.ts";

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

async function run(command: string, args: string[], onLine: (line: string) => void): Promise<void> {
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
          hint: "Install Python 3.10 or newer with its venv module (on Debian: apt install python3-venv).",
          cause,
        }),
      ),
    );
    child.on("exit", (code) =>
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
}
