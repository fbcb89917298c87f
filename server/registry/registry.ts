import fs from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Sampling } from "../engines/index.ts";
import { BASE, PatchbayError } from "../protocol/index.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type Prompt, readPrompt } from "./prompt.ts";
import {
  type Adapter,
  readAdapter,
  readCards,
  readManifest,
  readVersion,
  versionNamed,
} from "./read-adapter.ts";

/** Folders below adapters/ that hold no adapter, and names that mean something else. */
const RESERVED = new Set([BASE, "auto", "embedder", "general", "router", "trainer"]);

export interface Rejected {
  id: string;
  error: PatchbayError;
}

export interface RegistryOptions {
  adaptersDir: string;
  promptsDir: string;
  /** As the base model that runs was asked for, for the commands that people are shown; undefined: the default. */
  model?: string | undefined;
  /** What else has to hold of an adapter's folder. @throws {PatchbayError} where it does not */
  prove?: (id: string) => void;
}

export interface KnownVersion {
  /** The adapter's id. */
  id: string;
  /** Such as `health@2`. */
  version: string;
  sha256: string;
  trainedAt: string;
}

interface Proved {
  adapter: Adapter;
  /** Of its files, taken before they were read. */
  fingerprint: string;
}

/**
 * The adapters that are plugged in. A broken folder is reported and left out: it never stops the others. A registry does
 * not change; {@link rescan} makes the next one, and the adapters of this one stay good for whoever still uses them.
 */
export class Registry {
  readonly adapters: ReadonlyMap<string, Adapter>;
  readonly rejected: readonly Rejected[];
  /** Prompt and sampling of the base model alone. */
  readonly base: { prompt: Prompt; sampling: Sampling };
  readonly #options: RegistryOptions;
  readonly #baseSha256: string;
  readonly #proved: ReadonlyMap<string, Proved>;
  readonly #named = new Map<string, Promise<Adapter>>();
  #versions: KnownVersion[] | null = null;

  static open(options: RegistryOptions, baseSha256: string): Promise<Registry> {
    return Registry.#scan(options, baseSha256, new Map());
  }

  private constructor(
    options: RegistryOptions,
    baseSha256: string,
    proved: ReadonlyMap<string, Proved>,
    rejected: Rejected[],
  ) {
    this.#options = options;
    this.#baseSha256 = baseSha256;
    this.#proved = proved;
    this.adapters = new Map([...proved].map(([id, { adapter }]) => [id, adapter]));
    this.rejected = rejected;
    this.base = {
      prompt: readPrompt(options.promptsDir, "base.md"),
      sampling: { temperature: 0.6, topP: 0.95, topK: 40, minP: 0.05, repeatPenalty: 1.1, maxTokens: 320 },
    };
  }

  /**
   * The registry as the folders are now, or this one where nothing in them has changed. Only adapters whose files changed
   * are proved again, and rejected folders, which may have been half copied.
   * @throws {PatchbayError} `adapter-invalid` where the base model's prompt is gone
   */
  async rescan(): Promise<Registry> {
    const next = await Registry.#scan(this.#options, this.#baseSha256, this.#proved);
    return this.#isLike(next) ? this : next;
  }

  /** @throws {PatchbayError} `adapter-unknown` */
  find(id: string): Adapter {
    const adapter = this.adapters.get(id);
    if (adapter) return adapter;
    throw new PatchbayError("adapter-unknown", `There is no adapter "${id}".`, {
      hint: `Plugged in: ${[...this.adapters.keys(), BASE].join(", ")}.`,
    });
  }

  /** Every version of the adapters that was trained for this base model, oldest first. */
  get versions(): readonly KnownVersion[] {
    this.#versions ??= [...this.adapters.keys()].flatMap((id) =>
      readCards(path.join(this.#options.adaptersDir, id))
        .filter(({ base }) => base.sha256 === this.#baseSha256)
        .map(({ ordinal, sha256, trainedAt }) => ({ id, version: `${id}@${ordinal}`, sha256, trainedAt })),
    );
    return this.#versions;
  }

  /**
   * What `health` or `health@2` names. A version that is not the current one speaks with the prompt and the sampling that
   * the adapter has now; it is proved when it is first asked for.
   * @throws {PatchbayError} `adapter-unknown`, `adapter-invalid`, `adapter-hash-mismatch`, `adapter-base-mismatch`
   */
  named(name: string): Promise<Adapter> {
    const known = this.#named.get(name);
    if (known) return known;
    const named = this.#readNamed(name);
    this.#named.set(name, named);
    // What failed may have been repaired by the next time.
    named.catch(() => this.#named.delete(name));
    return named;
  }

  async #readNamed(name: string): Promise<Adapter> {
    const { id, ordinal } = versionNamed(name);
    const current = this.find(id);
    if (ordinal === null || ordinal === current.version?.card.ordinal) return current;
    const version = await readVersion(path.join(this.#options.adaptersDir, id), ordinal, {
      sha256: this.#baseSha256,
      model: this.#options.model,
    });
    return {
      ...current,
      summary: { ...current.summary, version: version.file.version, train: null },
      version,
    };
  }

  static async #scan(
    options: RegistryOptions,
    baseSha256: string,
    known: ReadonlyMap<string, Proved>,
  ): Promise<Registry> {
    const proved = new Map<string, Proved>();
    const rejected: Rejected[] = [];
    for (const folder of adapterFolders(options.adaptersDir)) {
      const id = path.basename(folder);
      try {
        proved.set(id, await prove(folder, options, baseSha256, known.get(id)));
      } catch (error) {
        rejected.push({ id, error: asPatchbayError(error) });
      }
    }
    return new Registry(options, baseSha256, proved, rejected);
  }

  #isLike(other: Registry): boolean {
    const isSame = (id: string, proved: Proved) => other.#proved.get(id) === proved;
    return (
      this.#proved.size === other.#proved.size &&
      [...this.#proved].every(([id, proved]) => isSame(id, proved)) &&
      isDeepStrictEqual(this.rejected.map(reasonOf), other.rejected.map(reasonOf)) &&
      this.base.prompt.sha256 === other.base.prompt.sha256
    );
  }
}

/** Why a folder is left out, in a form that can be compared. */
export const reasonOf = ({ id, error }: Rejected): string => `${id} ${error.code} ${error.message}`;

async function prove(
  folder: string,
  options: RegistryOptions,
  baseSha256: string,
  known: Proved | undefined,
): Promise<Proved> {
  const { promptsDir, model } = options;
  const { id, prompt } = readManifest(folder);
  const fingerprint = fingerprintOf(folder, path.join(promptsDir, prompt));
  if (known?.fingerprint === fingerprint) return known;
  options.prove?.(id);
  return { adapter: await readAdapter(folder, promptsDir, { sha256: baseSha256, model }), fingerprint };
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

/** The folder of one adapter. @throws {PatchbayError} `adapter-unknown` */
export function adapterFolder(adaptersDir: string, id: string): string {
  const folders = adapterFolders(adaptersDir);
  const folder = folders.find((each) => path.basename(each) === id);
  if (folder) return folder;
  throw new PatchbayError("adapter-unknown", `There is no adapter "${id}".`, {
    hint: `There are: ${folders.map((each) => path.basename(each)).join(", ")}.`,
  });
}
