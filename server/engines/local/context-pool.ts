import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import { PatchbayError } from "../../protocol/index.ts";
import type { AdapterFile } from "../engine.ts";

/** A sequence of some adapter's context, lent to one generation at a time; its KV state stays for the next one. */
export interface Slot {
  /** The context's key: generations in one group share decode batches. */
  group: string;
  sequence: LlamaContextSequence;
}

interface Group {
  key: string;
  context: LlamaContext;
  free: Slot[];
  lent: number;
  lastUsed: number;
}

export interface PoolOptions {
  contextSize: number;
  sequences: number;
  maxContexts: number;
  threads: number;
  batchSize: number;
}

/**
 * One context for each adapter in use, with some sequences each. An idle context gives way, the least recently used
 * first, when another adapter is needed. All methods must be called between decode steps only: llama.cpp's context
 * lock is held while a batch runs.
 */
export class ContextPool {
  readonly #model: LlamaModel;
  readonly #options: PoolOptions;
  readonly #groups = new Map<string, Group>();
  #clock = 0;

  constructor(model: LlamaModel, options: PoolOptions) {
    this.#model = model;
    this.#options = options;
  }

  get size(): { contexts: number; sequences: number } {
    return { contexts: this.#groups.size, sequences: this.#groups.size * this.#options.sequences };
  }

  /** A free sequence, the one that already holds the longest prefix of `tokens`; null when all are taken. */
  async acquire(adapter: AdapterFile | null, tokens: Token[]): Promise<Slot | null> {
    const group = this.#groups.get(keyOf(adapter)) ?? (await this.#open(adapter));
    if (!group || group.free.length === 0) return null;
    group.lastUsed = ++this.#clock;
    const slot = group.free.reduce((best, other) =>
      prefixOf(other, tokens) > prefixOf(best, tokens) ? other : best,
    );
    group.free.splice(group.free.indexOf(slot), 1);
    group.lent++;
    return slot;
  }

  release(slot: Slot): void {
    const group = this.#groups.get(slot.group);
    if (!group) return;
    group.lent--;
    group.free.push(slot);
  }

  async #open(adapter: AdapterFile | null): Promise<Group | null> {
    if (this.#groups.size >= this.#options.maxContexts && !(await this.#evict())) return null;
    const { contextSize, sequences, threads, batchSize } = this.#options;
    const key = keyOf(adapter);
    const context = await this.#model
      .createContext({
        contextSize,
        sequences,
        threads,
        batchSize,
        ...(adapter && { lora: { adapters: [{ filePath: adapter.path, scale: 1 }] } }),
      })
      .catch((cause) => {
        if (!adapter) throw cause;
        throw new PatchbayError(
          "adapter-invalid",
          `The adapter ${adapter.version} cannot be loaded by the model.`,
          { cause },
        );
      });
    const free = Array.from(
      { length: sequences },
      (): Slot => ({ group: key, sequence: context.getSequence() }),
    );
    const group: Group = { key, context, free, lent: 0, lastUsed: ++this.#clock };
    this.#groups.set(key, group);
    return group;
  }

  async #evict(): Promise<boolean> {
    const idle = [...this.#groups.values()]
      .filter((group) => group.lent === 0)
      .sort((a, b) => a.lastUsed - b.lastUsed)[0];
    if (!idle) return false;
    this.#groups.delete(idle.key);
    await idle.context.dispose();
    return true;
  }
}

/** The file's hash, not its name: no KV state ever crosses adapters or versions. */
const keyOf = (adapter: AdapterFile | null): string => adapter?.sha256 ?? "base";

function prefixOf(slot: Slot, tokens: Token[]): number {
  return slot.sequence.compareContextTokens(tokens).firstDifferentIndex;
}
