import type { LlamaModel, Token } from "node-llama-cpp";

/** Tokens before the current one that the detokeniser needs to place spaces rightly. */
const HISTORY = 4;

/** Turns tokens into text as they come; bytes of a character that is not complete yet wait for the next token. */
export class TextStream {
  readonly #model: LlamaModel;
  #history: Token[];
  #pending: Token[] = [];

  constructor(model: LlamaModel, promptTokens: Token[]) {
    this.#model = model;
    this.#history = promptTokens.slice(-HISTORY);
  }

  push(token: Token): string {
    this.#pending.push(token);
    const text = this.#model.detokenize(this.#pending, false, this.#history);
    if (text.endsWith("\uFFFD") && this.#pending.length < 8) return "";
    this.#history = [...this.#history, ...this.#pending].slice(-HISTORY);
    this.#pending = [];
    return text;
  }
}
