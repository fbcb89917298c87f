import fs from "node:fs";
import path from "node:path";
import type { LlamaContextSequence, Token } from "node-llama-cpp";

/** Bytes that the states may take on disk; the one least recently used leaves first. */
const MAX_BYTES = 512 * 1024 ** 2;

interface State {
  tokens: Token[];
  file: string;
  bytes: number;
}

/**
 * What the model knows after reading an adapter's system prompt, as files: a sequence, also one of a context that was
 * made just now, gets it in a millisecond instead of reading the prompt again. The key holds base and adapter hash.
 */
export class PromptStates {
  readonly #folder: string;
  readonly #states = new Map<string, State>();
  #nextFile = 1;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Tokens at the start of this prompt whose state is kept. The last one is always left to be evaluated. */
  shared(key: string, tokens: readonly Token[]): number {
    const state = this.#states.get(key);
    if (!state || state.tokens.length >= tokens.length) return 0;
    return state.tokens.every((token, index) => token === tokens[index]) ? state.tokens.length : 0;
  }

  /** Keeps what a sequence holds. A disk that is full costs the warm start and nothing else. */
  async save(key: string, sequence: LlamaContextSequence): Promise<void> {
    const file = path.join(this.#folder, `${this.#nextFile++}.kv`);
    try {
      const { fileSize } = await sequence.saveStateToFile(file);
      this.#drop(key);
      this.#states.set(key, { tokens: sequence.contextTokens, file, bytes: fileSize });
      this.#makeRoom();
    } catch (error) {
      process.stderr.write(`a warm prompt was not kept: ${error instanceof Error ? error.message : error}\n`);
      fs.rmSync(file, { force: true });
    }
  }

  /** Fills a sequence; whatever it held is gone. Where the file cannot be read the sequence is empty then. */
  async load(key: string, sequence: LlamaContextSequence): Promise<void> {
    const state = this.#states.get(key);
    if (!state) return;
    this.#states.delete(key);
    try {
      // The file was written by this very process from this very model.
      await sequence.loadStateFromFile(state.file, { acceptRisk: true });
      this.#states.set(key, state);
    } catch {
      fs.rmSync(state.file, { force: true });
      await sequence.clearHistory();
    }
  }

  #makeRoom(): void {
    const sum = () => [...this.#states.values()].reduce((bytes, state) => bytes + state.bytes, 0);
    while (this.#states.size > 1 && sum() > MAX_BYTES) this.#drop(this.#states.keys().next().value ?? "");
  }

  #drop(key: string): void {
    const state = this.#states.get(key);
    this.#states.delete(key);
    if (state) fs.rmSync(state.file, { force: true });
  }
}
