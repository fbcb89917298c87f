import fs from "node:fs";
import path from "node:path";
import { type ErrorBody, PatchbayError } from "../sdk/index.ts";

/**
 * The cookie under which this terminal talks to a server, so that its conversations stay its own from one run to the
 * next. Kept in a file that only this user can read.
 */
export async function terminalSession(url: string, file: string): Promise<string> {
  const known = read(file);
  const response = await fetch(`${url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(known[url] && { cookie: known[url] }) },
    body: "{}",
  });
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as { error?: ErrorBody } | null;
    throw body?.error
      ? PatchbayError.fromBody(body.error)
      : new PatchbayError("server-unreachable", `${url} answers with ${response.status}.`);
  }
  const cookie = response.headers.getSetCookie()[0]?.split(";")[0];
  if (!cookie) return known[url] ?? "";
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify({ ...known, [url]: cookie }), { mode: 0o600 });
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
