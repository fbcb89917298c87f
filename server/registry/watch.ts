import fs from "node:fs";
import path from "node:path";
import { fingerprintOf } from "./fingerprint.ts";

export interface WatchOptions {
  /** A change is told once nothing more has changed for so long, in ms… */
  quietMs?: number;
  /** …but at the latest so long after the first one. */
  mostMs?: number;
  /** How often the folders are looked at where the system cannot tell of changes. */
  pollMs?: number;
}

/** `adapters/<id>/versions` lies two levels below. */
const DEPTH = 2;

/**
 * Tells when something changes in these folders or up to two levels below. Each directory is watched on its own: on Linux
 * the recursive mode of Node 20 watches files, and loses one at the second time it is replaced. Where watching fails (no
 * such folder, no watches left), sizes and times are compared every few seconds instead.
 */
export class FolderWatcher {
  readonly #folders: readonly string[];
  readonly #onChange: () => void;
  readonly #quietMs: number;
  readonly #mostMs: number;
  readonly #pollMs: number;
  #watchers: fs.FSWatcher[] = [];
  #quiet: NodeJS.Timeout | null = null;
  #poll: NodeJS.Timeout | null = null;
  #firstAt: number | null = null;
  #closed = false;

  constructor(folders: readonly string[], onChange: () => void, options: WatchOptions = {}) {
    this.#folders = folders;
    this.#onChange = onChange;
    this.#quietMs = options.quietMs ?? 300;
    this.#mostMs = options.mostMs ?? 3_000;
    this.#pollMs = options.pollMs ?? 3_000;
    this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#disarm();
    if (this.#quiet) clearTimeout(this.#quiet);
  }

  /** Directories come and go and are replaced by others of their name, so all are watched anew after each change. */
  #arm(): void {
    this.#disarm();
    try {
      for (const directory of this.#folders.flatMap((folder) => directoriesBelow(folder, DEPTH))) {
        const watcher = fs.watch(directory, { persistent: false }, this.#changed);
        this.#watchers.push(watcher);
        // A directory that is deleted may say so with an error.
        watcher.on("error", this.#changed);
      }
    } catch {
      this.#disarm();
      const before = fingerprintOf(...this.#folders);
      this.#poll = setInterval(() => {
        if (fingerprintOf(...this.#folders) !== before) this.#tell();
      }, this.#pollMs);
      this.#poll.unref();
    }
  }

  #disarm(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    if (this.#poll) clearInterval(this.#poll);
    this.#poll = null;
  }

  readonly #changed = (): void => {
    if (this.#closed) return;
    const now = performance.now();
    this.#firstAt ??= now;
    if (this.#quiet) clearTimeout(this.#quiet);
    const wait = Math.max(0, Math.min(this.#quietMs, this.#firstAt + this.#mostMs - now));
    this.#quiet = setTimeout(() => this.#tell(), wait);
    this.#quiet.unref();
  };

  /** Arms first: what changes from here on is told again. */
  #tell(): void {
    this.#firstAt = null;
    this.#arm();
    this.#onChange();
  }
}

function directoriesBelow(folder: string, depth: number): string[] {
  if (depth === 0) return [folder];
  const below = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [folder, ...below.flatMap(({ name }) => directoriesBelow(path.join(folder, name), depth - 1))];
}
