import { execFile } from "node:child_process";
import fs from "node:fs";
import { promisify } from "node:util";

/** Resident memory of a process, in MiB. @throws {Error} where it has ended */
export async function residentMiB(pid: number | undefined): Promise<number> {
  if (pid === undefined) throw new Error("the model process is not running");
  if (process.platform === "linux") {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kib) / 1024;
  }
  const { stdout } = await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)]);
  return Number(stdout) / 1024;
}
