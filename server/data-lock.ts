import fs from "node:fs";
import path from "node:path";
import { PatchbayError } from "./protocol/index.ts";

/**
 * Claims a data folder for this process: two servers on one database would each take the other's running answers for
 * interrupted ones. Returns how to give it back.
 * @throws {PatchbayError} `data-in-use`
 */
export function claimDataFolder(dataDir: string): () => void {
  fs.mkdirSync(dataDir, { recursive: true });
  const file = path.join(dataDir, "server.pid");
  const holder = readPid(file);
  if (holder !== null && holder !== process.pid && isRunning(holder)) {
    throw new PatchbayError("data-in-use", `The data folder is in use by process ${holder}.`, {
      hint: "Stop that server, or set PATCHBAY_DATA to another folder. If no Patchbay runs, delete server.pid in it.",
    });
  }
  fs.writeFileSync(file, String(process.pid));
  return () => {
    if (readPid(file) === process.pid) fs.rmSync(file, { force: true });
  };
}

function readPid(file: string): number | null {
  if (!fs.existsSync(file)) return null;
  const pid = Number(fs.readFileSync(file, "utf8"));
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, under another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
