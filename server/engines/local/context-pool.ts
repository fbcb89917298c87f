import type { LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import type { AdapterFile } from "../engine.ts";
import { type AdapterContext, type ContextOptions, closeContext, openContext } from "./adapter-context.ts";
import { chooseSequence } from "./choose-sequence.ts";
import type { PromptStates } from "./prompt-states.ts";

/** A context that people have used so recently is not given up for warming another one, in ms. */
const RECENT_MS = 10_000;

/** A sequence of some adapter's context, lent to one generation at a time; its KV state stays for the next one. */
export interface Slot {
  group: string;
  sequence: LlamaContextSequence;
  usedAt: number;
}

interface OpenGroup {
  key: string;
  opened: AdapterContext;
  free: Slot[];
  lent: number;
  usedAt: number;
  /** When somebody's answer last needed it, in ms; null: it was only ever warmed. */
  answeredAt: number | null;
}

export interface Want {
  key: string;
  adapter: AdapterFile | null;
  tokens: Token[];
  background: boolean;
}

/**
 * What came of asking for a sequence: `opening` while the adapter's context is being made, `busy` while all its
 * sequences are in use, `full` while no context can be given up for it.
 */
export type Lease =
  | { is: "lent"; slot: Slot }
  | { is: "opening" | "busy" | "full" }
  | { is: "failed"; error: unknown };

export interface PoolOptions extends ContextOptions {
  maxContexts: number;
  states: PromptStates;
  /** For copies of adapters on their way into the model. */
  folder: string;
  now: () => number;
  /** A context was made, or could not be, or was closed: those who wait should ask again. */
  onChange: () => void;
}

/**
 * One context for each adapter in use, with some sequences each. An idle context gives way, the least recently used
 * first, when another adapter is needed; one context is made or closed at a time. {@link lease} must be called between
 * decode steps only: llama.cpp's context lock is held while a batch runs.
 */
export class ContextPool {
  readonly #model: LlamaModel;
  readonly #options: PoolOptions;
  readonly #open = new Map<string, OpenGroup>();
  readonly #failed = new Map<string, unknown>();
  readonly #closing = new Set<string>();
  #opening: string | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(model: LlamaModel, options: PoolOptions) {
    this.#model = model;
    this.#options = options;
  }

  get size(): { contexts: number; sequences: number; sequencesInUse: number; contextBytes: number } {
    const groups = [...this.#open.values()];
    return {
      contexts: groups.length,
      sequences: groups.length * this.#options.sequences,
      sequencesInUse: groups.reduce((sum, group) => sum + group.lent, 0),
      contextBytes: groups.reduce((sum, { opened }) => sum + bytesOf(opened), 0),
    };
  }

  has(key: string): boolean {
    return this.#open.has(key);
  }

  /** Resolves when no context is being made or closed. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** The sequence that saves most of reading `tokens`, trimmed to what it shares with them. */
  async lease(want: Want): Promise<Lease> {
    const group = this.#open.get(want.key);
    if (!group) return this.#openFor(want);
    if (group.free.length === 0) return { is: "busy" };
    const now = this.#options.now();
    group.usedAt = now;
    if (!want.background) group.answeredAt = now;
    const slot = this.#take(group, want, now);
    slot.usedAt = now;
    // The last prompt token is always evaluated anew: its logits are what the first word is drawn from.
    const prefix = want.tokens.slice(0, -1);
    try {
      const warm = this.#options.states.shared(want.key, prefix);
      if (warm > sharedTokens(slot, prefix)) await this.#options.states.load(want.key, slot.sequence);
      // Without `false` the library also keeps shifted matches, whose state is not that of a cold run.
      await slot.sequence.adaptStateToTokens(prefix, false);
    } catch (error) {
      this.release(slot);
      return { is: "failed", error };
    }
    return { is: "lent", slot };
  }

  release(slot: Slot): void {
    const group = this.#open.get(slot.group);
    if (!group) return;
    group.lent--;
    slot.usedAt = this.#options.now();
    group.free.push(slot);
  }

  /** Closes an adapter's context, which must be idle. */
  close(key: string): void {
    const group = this.#open.get(key);
    if (!group || group.lent > 0) return;
    this.#open.delete(key);
    this.#closing.add(key);
    this.#queue(async () => {
      await closeContext(group.opened);
      this.#closing.delete(key);
    });
  }

  #take(group: OpenGroup, { key, tokens }: Want, now: number): Slot {
    const prefix = tokens.slice(0, -1);
    const holdings = group.free.map((slot) => ({
      shared: sharedTokens(slot, prefix),
      held: slot.sequence.nextTokenIndex,
      idleMs: now - slot.usedAt,
    }));
    const index = chooseSequence(holdings, this.#options.states.shared(key, prefix));
    const [slot] = group.free.splice(index, 1);
    if (!slot) throw new Error("no free sequence to choose from");
    group.lent++;
    return slot;
  }

  #openFor(want: Want): Lease {
    const failure = this.#failed.get(want.key);
    if (failure !== undefined) {
      // Told once: the file may be put right, so the next one tries again.
      this.#failed.delete(want.key);
      return { is: "failed", error: failure };
    }
    if (this.#opening !== null || this.#closing.has(want.key)) return { is: "opening" };
    if (this.#open.size >= this.#options.maxContexts && !this.#evict(want)) return { is: "full" };
    this.#opening = want.key;
    this.#queue(async () => {
      try {
        const { contextSize, sequences, threads, batchSize, folder } = this.#options;
        const options = { contextSize, sequences, threads, batchSize };
        this.#open.set(
          want.key,
          this.#newGroup(want, await openContext(this.#model, want.adapter, options, folder)),
        );
      } catch (error) {
        this.#failed.set(want.key, error);
      } finally {
        this.#opening = null;
      }
    });
    return { is: "opening" };
  }

  #newGroup({ key, background }: Want, opened: AdapterContext): OpenGroup {
    const free = Array.from(
      { length: this.#options.sequences },
      (): Slot => ({ group: key, sequence: opened.context.getSequence(), usedAt: 0 }),
    );
    const usedAt = this.#options.now();
    return { key, opened, free, lent: 0, usedAt, answeredAt: background ? null : usedAt };
  }

  #evict({ background }: Want): boolean {
    const answeredAt = (group: OpenGroup) => group.answeredAt ?? Number.NEGATIVE_INFINITY;
    const latest = background ? this.#options.now() - RECENT_MS : Number.POSITIVE_INFINITY;
    // Those that were only ever warmed go first: their prompt's state is kept, and no conversation lies in them.
    const [idle] = [...this.#open.values()]
      .filter((group) => group.lent === 0 && answeredAt(group) < latest)
      .sort((a, b) =>
        answeredAt(a) === answeredAt(b) ? a.usedAt - b.usedAt : answeredAt(a) - answeredAt(b),
      );
    if (!idle) return false;
    this.close(idle.key);
    return true;
  }

  /** One thing after the other: two contexts made at once would fight for the processor, and on a GPU crash. */
  #queue(job: () => Promise<void>): void {
    this.#work = this.#work.then(job).then(this.#options.onChange, (error) => {
      process.stderr.write(`context: ${error instanceof Error ? error.stack : error}\n`);
      this.#options.onChange();
    });
  }
}

const sharedTokens = (slot: Slot, tokens: Token[]): number =>
  slot.sequence.compareContextTokens(tokens).firstDifferentIndex;

const bytesOf = ({ context }: AdapterContext): number => context.memoryUsage.ram + context.memoryUsage.vram;
