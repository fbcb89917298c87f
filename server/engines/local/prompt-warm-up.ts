import type { PromptStates } from "./prompt-states.ts";
import { Work, type WorkOptions } from "./work.ts";

/** `tokens` are what every prompt through this adapter starts with. */
export interface WarmUpOptions extends Omit<WorkOptions, "user" | "background"> {
  states: PromptStates;
  onDone: () => void;
  onFailed: (error: unknown) => void;
}

/** Makes an adapter's context and reads its system prompt before anybody asks, and keeps the state for every sequence. */
export class PromptWarmUp extends Work {
  readonly #options: WarmUpOptions;

  constructor(options: WarmUpOptions) {
    super({ ...options, user: "", background: true });
    this.#options = options;
  }

  async step(promptTokens: number): Promise<void> {
    const { slot } = this;
    if (!slot || this.done) return;
    await slot.sequence.evaluateWithoutGeneratingNewTokens(this.part(slot, promptTokens));
    if (slot.sequence.nextTokenIndex < this.tokens.length) return;
    await this.#options.states.save(this.group, slot.sequence);
    if (this.end()) this.#options.onDone();
  }

  queued(): void {
    // Nobody waits for it.
  }

  async stop(): Promise<void> {
    this.end();
  }

  protected onFailed(error: unknown): void {
    this.#options.onFailed(error);
  }
}
