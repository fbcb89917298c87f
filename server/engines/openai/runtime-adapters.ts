import type { AdapterFile } from "../engine.ts";

/** What a server offers for adapters while it runs; each throws where it refuses. */
export interface AdapterEndpoints {
  has(name: string): Promise<boolean>;
  load(name: string, path: string): Promise<void>;
  unload(name: string): Promise<void>;
}

export interface RuntimeAdaptersOptions {
  endpoints: AdapterEndpoints;
  /** Puts a copy where the server finds it; returns its path as the server sees it. */
  copy: (adapter: AdapterFile) => Promise<string>;
  onLog: (line: string) => void;
  /** ms */
  now: () => number;
}

/** After a load that failed, in ms. */
const REST_MS = 60_000;

type Load = { is: "loading"; name: Promise<string | null> } | { is: "failed"; until: number };

/** Adapters that a server loads and unloads while it runs. */
export class RuntimeAdapters {
  readonly #options: RuntimeAdaptersOptions;
  readonly #loads = new Map<string, Load>();

  constructor(options: RuntimeAdaptersOptions) {
    this.#options = options;
  }

  /**
   * The name under which the server has the adapter, loaded if need be; null where that fails, which is logged. It carries
   * the content's hash: a name that is used again for another file finds the old one's cached prompts
   * (https://github.com/vllm-project/vllm/issues/42125).
   */
  async load(adapter: AdapterFile): Promise<string | null> {
    const name = nameOf(adapter);
    const known = this.#loads.get(name);
    if (known?.is === "loading") return known.name;
    if (known && known.until > this.#options.now()) return null;
    const load: Load = { is: "loading", name: this.#load(adapter, name) };
    this.#loads.set(name, load);
    const loaded = await load.name;
    if (loaded === null && this.#loads.get(name) === load)
      this.#loads.set(name, { is: "failed", until: this.#options.now() + REST_MS });
    return loaded;
  }

  async unload(adapter: AdapterFile): Promise<void> {
    const name = nameOf(adapter);
    const load = this.#loads.get(name);
    this.#loads.delete(name);
    if (load?.is === "loading" && (await load.name) !== null) await this.#options.endpoints.unload(name);
  }

  /** The server does not have it any more. Returns whether it was thought to. */
  forget(adapter: AdapterFile): boolean {
    const name = nameOf(adapter);
    return this.#loads.get(name)?.is === "loading" && this.#loads.delete(name);
  }

  async #load(adapter: AdapterFile, name: string): Promise<string | null> {
    const { endpoints, copy, onLog } = this.#options;
    try {
      if (!(await endpoints.has(name))) await endpoints.load(name, await copy(adapter));
      return name;
    } catch (error) {
      onLog(`${adapter.version} could not be loaded, so it answers without: ${(error as Error).message}`);
      return null;
    }
  }
}

const nameOf = ({ version, sha256 }: AdapterFile): string => `${version}-${sha256.slice(0, 12)}`;
