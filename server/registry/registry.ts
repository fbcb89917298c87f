import fs from "node:fs";
import path from "node:path";
import type { Sampling } from "../engines/index.ts";
import { BASE, PatchbayError } from "../protocol/index.ts";
import { type Prompt, readPrompt } from "./prompt.ts";
import { type Adapter, readAdapter } from "./read-adapter.ts";

/** Folders below adapters/ that hold no adapter, and names that mean something else. */
const RESERVED = new Set([BASE, "auto", "embedder", "router", "trainer"]);

export interface Rejected {
  id: string;
  error: PatchbayError;
}

/** The adapters that are plugged in. A broken folder is reported and left out: it never stops the others. */
export class Registry {
  readonly adapters: ReadonlyMap<string, Adapter>;
  readonly rejected: readonly Rejected[];
  /** Prompt and sampling of the base model alone. */
  readonly base: { prompt: Prompt; sampling: Sampling };

  static async open(
    dirs: { adaptersDir: string; promptsDir: string },
    baseSha256: string,
  ): Promise<Registry> {
    const adapters = new Map<string, Adapter>();
    const rejected: Rejected[] = [];
    for (const folder of adapterFolders(dirs.adaptersDir)) {
      const id = path.basename(folder);
      try {
        adapters.set(id, await readAdapter(folder, dirs.promptsDir, baseSha256));
      } catch (error) {
        rejected.push({ id, error: asPatchbayError(error) });
      }
    }
    return new Registry(adapters, rejected, readPrompt(dirs.promptsDir, "base.md"));
  }

  private constructor(adapters: Map<string, Adapter>, rejected: Rejected[], prompt: Prompt) {
    this.adapters = adapters;
    this.rejected = rejected;
    this.base = {
      prompt,
      sampling: { temperature: 0.6, topP: 0.95, topK: 40, minP: 0.05, repeatPenalty: 1.1, maxTokens: 320 },
    };
  }

  /** @throws {PatchbayError} `adapter-unknown` */
  find(id: string): Adapter {
    const adapter = this.adapters.get(id);
    if (adapter) return adapter;
    throw new PatchbayError("adapter-unknown", `There is no adapter "${id}".`, {
      hint: `Plugged in: ${[...this.adapters.keys(), BASE].join(", ")}.`,
    });
  }
}

/** Folders with an adapter.json, by name. */
export function adapterFolders(adaptersDir: string): string[] {
  if (!fs.existsSync(adaptersDir)) return [];
  return fs
    .readdirSync(adaptersDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !RESERVED.has(entry.name))
    .map((entry) => path.join(adaptersDir, entry.name))
    .filter((folder) => fs.existsSync(path.join(folder, "adapter.json")))
    .sort();
}

const asPatchbayError = (error: unknown): PatchbayError =>
  error instanceof PatchbayError
    ? error
    : new PatchbayError("adapter-invalid", error instanceof Error ? error.message : String(error), {
        cause: error,
      });
