import type { AdapterFile, Engine } from "../engines/index.ts";
import { type AdapterSummary, PatchbayError } from "../protocol/index.ts";
import {
  type Adapter,
  type AdapterChanges,
  changesBetween,
  changesInWords,
  type Registry,
} from "../registry/index.ts";
import type { Router } from "../routing/index.ts";
import { OneAtATime } from "./one-at-a-time.ts";

/** Who can answer at this moment, and who chooses between them. A turn takes it once and keeps to it. */
export interface Experts {
  readonly registry: Registry;
  readonly router: Router;
}

export interface SwitchboardDeps {
  engine: Pick<Engine, "plug" | "unplug">;
  /** Learns from the examples of these adapters, which takes about a second, beside everything else. */
  makeRouter: (adapterIds: readonly string[]) => Promise<Router>;
  /** People see another list now. */
  onAdapters: (adapters: AdapterSummary[]) => void;
  /** Lines for people. */
  log: (line: string) => void;
  onFault: (error: unknown) => void;
  /** The server is closing: what fails from here on is nobody's business. */
  closing: AbortSignal;
}

/**
 * Keeps the experts as the adapters' folders are, while answers go on: what is new can be pinned at once and is routed to
 * as soon as the router has learnt it; what is gone is chosen no more, and gives back what it holds when its last answer
 * has ended.
 */
export class Switchboard {
  readonly #deps: SwitchboardDeps;
  readonly #looking: OneAtATime;
  readonly #learning: OneAtATime;
  #experts: Experts;

  constructor(experts: Experts, deps: SwitchboardDeps) {
    this.#experts = experts;
    this.#deps = deps;
    this.#looking = new OneAtATime(() => this.#look(), this.#stay("the adapters stay as they are"));
    this.#learning = new OneAtATime(() => this.#learn(), this.#stay("the router stays as it is"));
  }

  get experts(): Experts {
    return this.#experts;
  }

  get adapters(): AdapterSummary[] {
    return [...this.#experts.registry.adapters.values()].map(({ summary }) => summary);
  }

  /** Makes everybody ready, the base model first, whenever the engine has time for it. */
  warmUp(): void {
    const { registry } = this.#experts;
    this.#plug(null, registry.base.prompt.text);
    for (const adapter of registry.adapters.values()) this.#plugVersion(adapter);
  }

  /** Something may have changed in the folders. Resolves once the adapters are as they are there. */
  refresh(): Promise<void> {
    return this.#looking.run();
  }

  /** The router may know more than it did, from the same folders. */
  relearn(): Promise<void> {
    return this.#learning.run();
  }

  async #look(): Promise<void> {
    const { registry: before, router } = this.#experts;
    const after = await before.rescan();
    if (after === before || this.#deps.closing.aborted) return;
    const changes = changesBetween(before, after);
    for (const line of changesInWords(changes)) this.#deps.log(line);
    this.#experts = { registry: after, router: router.among([...after.adapters.keys()]) };
    this.#rewire(before, after, changes);
    const { added, swapped, removed } = changes;
    if (added.length + swapped.length + removed.length > 0) this.#deps.onAdapters(this.adapters);
    // Its examples may have changed even where the adapters have not.
    void this.#learning.run();
  }

  /** An engine knows adapters by their content, which two folders may share. */
  #rewire(before: Registry, after: Registry, { added, swapped, removed }: AdapterChanges): void {
    const inUse = new Set([...after.adapters.values()].map(({ version }) => version?.file.sha256));
    for (const { version } of [...removed, ...swapped.map((swap) => swap.before)])
      if (version && !inUse.has(version.file.sha256)) this.#deps.engine.unplug(version.file);
    if (before.base.prompt.sha256 !== after.base.prompt.sha256) this.#plug(null, after.base.prompt.text);
    const rewired = swapped.filter(({ before, after }) => wiring(before) !== wiring(after));
    for (const adapter of [...added, ...rewired.map((swap) => swap.after)]) this.#plugVersion(adapter);
  }

  /** A domain without a version shares the base model's context, which keeps the base model's own prompt warm. */
  #plugVersion({ version, prompt }: Adapter): void {
    if (version) this.#plug(version.file, prompt.text);
  }

  #plug(file: AdapterFile | null, systemPrompt: string): void {
    this.#deps.engine.plug(file, systemPrompt).catch((error: Error) => {
      if (this.#deps.closing.aborted) return;
      // Whoever asks it gets the same error, or an answer that has to wait a little longer.
      this.#deps.log(`${file?.version ?? "the base model"} could not be made ready: ${error.message}`);
    });
  }

  /** Failing changes nothing: whoever could answer before still can. */
  #stay(what: string): (error: unknown) => void {
    return (error) => {
      if (this.#deps.closing.aborted) return;
      if (error instanceof PatchbayError) this.#deps.log(`${what}: ${error.message}`);
      else this.#deps.onFault(error);
    };
  }

  async #learn(): Promise<void> {
    const router = await this.#deps.makeRouter([...this.#experts.registry.adapters.keys()]);
    const { registry, router: old } = this.#experts;
    // Adapters may have gone while it learnt.
    this.#experts = { registry, router: router.among([...registry.adapters.keys()]) };
    if (router.version !== old.version) this.#deps.log(`the router has learnt anew: ${router.version}`);
  }
}

/** What the engine holds of an adapter. */
const wiring = ({ version, prompt }: Adapter): string => `${version?.file.sha256} ${prompt.sha256}`;
