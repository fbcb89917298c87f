import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { RouterHeadRow } from "../../db/index.ts";
import { type Head, parseHead } from "../routing/index.ts";
import { writeAtomically } from "../write-atomically.ts";

/** Files of heads that are no longer live and are kept, the newest ones: one can be gone back to. */
const KEPT_FILES = 30;
/** Names the live head, for people; whoever watches the folder hears of another one by it. */
const LIVE_FILE = "live";

/** The files of the heads, in the data folder; what is known of each stands in the database. */
export class HeadStore {
  readonly dir: string;

  constructor(dataDir: string) {
    this.dir = path.join(dataDir, "router");
  }

  fileOf({ version, sha256 }: Pick<RouterHeadRow, "version" | "sha256">): string {
    return path.join(this.dir, `${version}-${sha256.slice(0, 12)}.json`);
  }

  /** Null where the file is gone, damaged, or another one than was written. */
  read(row: Pick<RouterHeadRow, "version" | "sha256">): Head | null {
    const file = this.fileOf(row);
    if (!fs.existsSync(file)) return null;
    const text = fs.readFileSync(file, "utf8");
    return hashOf(text) === row.sha256 ? parseHead(text, file) : null;
  }

  write(version: string, text: string): { sha256: string } {
    const sha256 = hashOf(text);
    writeAtomically(this.fileOf({ version, sha256 }), text);
    return { sha256 };
  }

  /** Says which one is live, and drops the files of those that are old. */
  settle(rows: readonly RouterHeadRow[]): void {
    const live = rows.find(({ status }) => status === "live");
    const old = rows.filter((row) => row !== live).slice(0, -KEPT_FILES);
    const needed = new Set(rows.filter((row) => !old.includes(row)).map((row) => this.fileOf(row)));
    for (const row of old) if (!needed.has(this.fileOf(row))) fs.rmSync(this.fileOf(row), { force: true });
    fs.mkdirSync(this.dir, { recursive: true });
    if (live) fs.writeFileSync(path.join(this.dir, LIVE_FILE), `${nameOf(live)} ${live.version}\n`);
  }
}

export const nameOf = ({ ordinal }: Pick<RouterHeadRow, "ordinal">): string => `router@${ordinal}`;

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");
