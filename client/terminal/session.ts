import fs from "node:fs";
import path from "node:path";
import { openSession } from "../sdk/index.ts";

/**
 * The cookie under which this terminal talks to a server, so that its conversations stay its own from one run to the
 * next. Kept in a file that only this user can read, for each server under a name.
 */
export async function terminalSession(
  url: string,
  { file, name }: { file: string; name: string },
): Promise<string> {
  const known = read(file);
  const cookie = await openSession(url, { cookie: known[name] });
  if (cookie === known[name]) return cookie;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify({ ...known, [name]: cookie }), { mode: 0o600 });
  return cookie;
}

function read(file: string): Record<string, string> {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    // Not there yet, or damaged: a new session is made.
    return {};
  }
}
