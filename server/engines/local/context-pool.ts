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
  /** Its place in the context: llama.cpp reads sequences that follow on each other in one go. */
  index: number;
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

export interface PoolOptions extends ContextOptions {
  maxContexts: number;
  budgetBytes: number;
  states: PromptStates;
  /** For copies of adapters on their way into the model. */
  folder: string;
  /** What it takes to read a token of a prompt, in ms. */
  msPerPromptToken: () => number;
  now: () => number;
}

/**
 * One context for each adapter in use, with some sequences each. An idle context gives way, the least recently used
 * first, when another adapter is needed. {@link lease} and {@link close} must be called one at a time and between decode
 * steps only: llama.cpp's context lock is held while a batch runs, a context made beside decode threads that fill every
 * core takes ten times as long while theirs crawl, and two made at once crash on a GPU.
 */
export class ContextPool {
  readonly #model: LlamaModel;
  readonly #options: PoolOptions;
  readonly #open = new Map<string, OpenGroup>();

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
      contextBytes: this.#bytes,
    };
  }

  has(key: string): boolean {
    return this.#open.has(key);
  }

  /**
   * The sequence that saves most of reading `tokens`, trimmed to what it shares with them; the adapter's context is made
   * where there is none. Null while all its sequences are in use, or no context can be given up for it.
   * @throws {PatchbayError} `adapter-invalid`, `adapter-hash-mismatch`
   */
  async lease(want: Want): Promise<Slot | null> {
    const group = this.#open.get(want.key) ?? (await this.#openFor(want));
    if (!group || group.free.length === 0) return null;
    const now = this.#options.now();
    group.usedAt = now;
    if (!want.background) group.answeredAt = now;
    // The last prompt token is always evaluated anew: its logits are what the first word is drawn from.
    const prefix = want.tokens.slice(0, -1);
    const warm = this.#options.states.shared(want.key, prefix);
    const { slot, shared } = take(group, prefix, { warm, msPerToken: this.#options.msPerPromptToken(), now });
    try {
      if (warm > shared) await this.#options.states.load(want.key, slot.sequence);
      // Without `false` the library also keeps shifted matches, whose state is not that of a cold run.
      await slot.sequence.adaptStateToTokens(prefix, false);
    } catch (error) {
      this.release(slot);
      throw error;
    }
    return slot;
  }

  release(slot: Slot): void {
    const group = this.#open.get(slot.group);
    if (!group) return;
    group.lent--;
    slot.usedAt = this.#options.now();
    group.free.push(slot);
    group.free.sort((one, other) => one.index - other.index);
  }

  /** Closes an adapter's context; one that is in use stays. */
  async close(key: string): Promise<void> {
    const group = this.#open.get(key);
    if (!group || group.lent > 0) return;
    this.#open.delete(key);
    await closeContext(group.opened).catch((error) => {
      // Memory that could not be given back is nobody's answer.
      process.stderr.write(`context: ${error instanceof Error ? error.stack : error}\n`);
    });
  }

  async #openFor(want: Want): Promise<OpenGroup | null> {
    while (this.#isFull) if (!(await this.#evict(want))) return null;
    const { contextSize, sequences, threads, batchSize, folder } = this.#options;
    const options = { contextSize, sequences, threads, batchSize };
    const group = this.#newGroup(want.key, await openContext(this.#model, want.adapter, options, folder));
    this.#open.set(want.key, group);
    return group;
  }

  #newGroup(key: string, opened: AdapterContext): OpenGroup {
    const free = Array.from(
      { length: this.#options.sequences },
      (_, index): Slot => ({ group: key, index, sequence: opened.context.getSequence(), usedAt: 0 }),
    );
    return { key, opened, free, lent: 0, usedAt: this.#options.now(), answeredAt: null };
  }

  get #bytes(): number {
    return [...this.#open.values()].reduce((sum, { opened }) => sum + opened.bytes, 0);
  }

  /** Whether one more, as large as the largest, would be too much. One is always allowed. */
  get #isFull(): boolean {
    const { maxContexts, budgetBytes } = this.#options;
    const largest = Math.max(0, ...[...this.#open.values()].map(({ opened }) => opened.bytes));
    return this.#open.size >= maxContexts || (this.#open.size > 0 && this.#bytes + largest > budgetBytes);
  }

  async #evict({ background }: Want): Promise<boolean> {
    const answeredAt = (group: OpenGroup) => group.answeredAt ?? Number.NEGATIVE_INFINITY;
    const latest = background ? this.#options.now() - RECENT_MS : Number.POSITIVE_INFINITY;
    // Those that were only ever warmed go first: their prompt's state is kept, and no conversation lies in them.
    const [idle] = [...this.#open.values()]
      .filter((group) => group.lent === 0 && answeredAt(group) < latest)
      .sort((a, b) =>
        answeredAt(a) === answeredAt(b) ? a.usedAt - b.usedAt : answeredAt(a) - answeredAt(b),
      );
    if (!idle) return false;
    await this.close(idle.key);
    return true;
  }
}

/** Lends the free sequence that is best for this prompt. */
function take(
  group: OpenGroup,
  prefix: Token[],
  { warm, msPerToken, now }: { warm: number; msPerToken: number; now: number },
): { slot: Slot; shared: number } {
  const total = group.free.length + group.lent;
  const free = new Set(group.free.map(({ index }) => index));
  const isInUse = (index: number) => index >= 0 && index < total && !free.has(index);
  const holdings = group.free.map(({ index, sequence, usedAt }) => ({
    shared: sequence.compareContextTokens(prefix).firstDifferentIndex,
    held: sequence.nextTokenIndex,
    idleMs: now - usedAt,
    besideRunning: isInUse(index - 1) || isInUse(index + 1),
  }));
  const index = chooseSequence(holdings, warm, msPerToken);
  const shared = holdings[index]?.shared ?? 0;
  const [slot] = group.free.splice(index, 1);
  if (!slot) throw new Error("no free sequence to choose from");
  group.lent++;
  slot.usedAt = now;
  return { slot, shared };
}
