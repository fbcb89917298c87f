import fs from "node:fs";
import path from "node:path";

const KEPT = 500;

/** Earlier questions, newest first, one a line as JSON; none where the file is missing or damaged. */
export function readHistory(file: string): string[] {
  try {
    const lines = fs.readFileSync(file, "utf8").split("\n").filter(Boolean);
    return lines.map((line) => String(JSON.parse(line))).slice(0, KEPT);
  } catch {
    return [];
  }
}

/** Only this user may read what was asked. */
export function writeHistory(file: string, newestFirst: readonly string[]): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const lines = newestFirst.slice(0, KEPT).map((entry) => `${JSON.stringify(entry)}\n`);
  fs.writeFileSync(file, lines.join(""), { mode: 0o600 });
}
