import type { Token } from "node-llama-cpp";
import type { AdapterFile } from "../engine.ts";
import type { Slot } from "./context-pool.ts";

export interface WorkOptions {
  id: number;
  /** Key of its context: base and adapter hash. */
  group: string;
  adapter: AdapterFile | null;
  user: string;
  /** Runs only while nobody waits. */
  background: boolean;
  /** The whole prompt. */
  tokens: Token[];
}

/**
 * Something that needs a sequence for a while. It decides nothing about when it runs: the step loop calls, one call at a
 * time, and between two calls it can be ended.
 */
export abstract class Work {
  readonly id: number;
  readonly group: string;
  readonly adapter: AdapterFile | null;
  readonly user: string;
  readonly background: boolean;
  readonly tokens: Token[];
  #slot: Slot | null = null;
  #done = false;

  constructor({ id, group, adapter, user, background, tokens }: WorkOptions) {
    this.id = id;
    this.group = group;
    this.adapter = adapter;
    this.user = user;
    this.background = background;
    this.tokens = tokens;
  }

  get slot(): Slot | null {
    return this.#slot;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Takes a sequence that already holds the start of its prompt. Returns how many prompt tokens are left to read. */
  begin(slot: Slot): number {
    this.#slot = slot;
    return this.tokens.length - slot.sequence.nextTokenIndex;
  }

  /** Reads up to so many tokens of the prompt; what comes with the last of them and after it is each work's own. */
  abstract step(promptTokens: number): Promise<void>;

  /** `ahead` others will start before it. */
  abstract queued(ahead: number): void;

  /** Somebody ended it: safe between steps at any time, also before it began. */
  abstract stop(): Promise<void>;

  fail(error: unknown): void {
    if (this.end()) this.onFailed(error);
  }

  protected abstract onFailed(error: unknown): void;

  /** Whether it ends here, and had not ended before. */
  protected end(): boolean {
    const ends = !this.#done;
    this.#done = true;
    return ends;
  }

  /** The next tokens of the prompt. */
  protected part({ sequence }: Slot, promptTokens: number): Token[] {
    return this.tokens.slice(sequence.nextTokenIndex, sequence.nextTokenIndex + promptTokens);
  }
}
