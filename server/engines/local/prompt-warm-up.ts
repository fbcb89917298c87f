import type { Token } from "node-llama-cpp";
import type { AdapterFile } from "../engine.ts";
import type { Slot } from "./context-pool.ts";
import type { PromptStates } from "./prompt-states.ts";
import type { Work } from "./work.ts";

export interface WarmUpOptions {
  id: number;
  group: string;
  adapter: AdapterFile | null;
  /** What every prompt through this adapter starts with. */
  tokens: Token[];
  states: PromptStates;
  onDone: () => void;
  onFailed: (error: unknown) => void;
}

/** Makes an adapter's context and reads its system prompt before anybody asks, and keeps the state for every sequence. */
export class PromptWarmUp implements Work {
  readonly background = true;
  readonly user = "";
  readonly #options: WarmUpOptions;
  #slot: Slot | null = null;
  #done = false;

  constructor(options: WarmUpOptions) {
    this.#options = options;
  }

  get id(): number {
    return this.#options.id;
  }

  get group(): string {
    return this.#options.group;
  }

  get adapter(): AdapterFile | null {
    return this.#options.adapter;
  }

  get tokens(): Token[] {
    return this.#options.tokens;
  }

  get done(): boolean {
    return this.#done;
  }

  get slot(): Slot | null {
    return this.#slot;
  }

  begin(slot: Slot): number {
    this.#slot = slot;
    return this.tokens.length - slot.sequence.nextTokenIndex;
  }

  async step(promptTokens: number): Promise<void> {
    const slot = this.#slot;
    if (!slot || this.#done) return;
    const start = slot.sequence.nextTokenIndex;
    await slot.sequence.evaluateWithoutGeneratingNewTokens(this.tokens.slice(start, start + promptTokens));
    if (slot.sequence.nextTokenIndex < this.tokens.length) return;
    await this.#options.states.save(this.group, slot.sequence);
    this.#done = true;
    this.#options.onDone();
  }

  queued(): void {
    // Nobody waits for it.
  }

  async stop(): Promise<void> {
    this.#done = true;
  }

  fail(error: unknown): void {
    if (this.#done) return;
    this.#done = true;
    this.#options.onFailed(error);
  }
}
