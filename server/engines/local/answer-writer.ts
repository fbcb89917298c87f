import type { LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import type { TokenLogprob } from "../../protocol/index.ts";
import { StopSequences } from "./stop-sequences.ts";
import { TextStream } from "./text-stream.ts";
import { readLogprobs } from "./token-logprobs.ts";

/** Tokens whose probabilities are read in one batch, which costs about as much as decoding two or three. */
const LOGPROB_BATCH = 8;

export interface AnswerWriterOptions {
  prompt: Token[];
  stop: readonly string[];
  /** undefined: probabilities are not asked for. */
  logprobs: { top: number } | undefined;
  /** `first`: nothing was seen before it. */
  onText: (text: string, first: boolean, logprobs?: TokenLogprob[]) => void;
}

/** From sampled tokens to what is seen of them: text up to a stop sequence, and how likely each token was. */
export class AnswerWriter {
  readonly #model: LlamaModel;
  readonly #options: AnswerWriterOptions;
  readonly #text: TextStream;
  readonly #stop: StopSequences;
  /** All tokens of the answer. */
  readonly tokens: Token[] = [];
  /** Where the text of each token ends, in characters of the answer, for tokens whose probability was not seen yet. */
  #ends: number[] = [];
  #logprobs: TokenLogprob[] = [];
  #decoded = 0;
  #shown = 0;
  /** Text that may be shown once the probabilities of its tokens are there. */
  #waiting = "";

  constructor(model: LlamaModel, options: AnswerWriterOptions) {
    this.#model = model;
    this.#options = options;
    this.#text = new TextStream(model, options.prompt);
    this.#stop = new StopSequences(options.stop);
  }

  /** @param sequence has read everything before this token. @returns whether a stop sequence ends the answer here */
  async push(token: Token, sequence: LlamaContextSequence): Promise<boolean> {
    this.tokens.push(token);
    const decoded = this.#text.push(token);
    this.#decoded += decoded.length;
    this.#ends.push(this.#decoded);
    const { text, ended } = this.#stop.push(decoded);
    this.#waiting += text;
    const unread = this.#ends.length - this.#logprobs.length;
    if (this.#options.logprobs && this.tokens.length > 1 && unread < LOGPROB_BATCH) return ended;
    await this.#show(sequence);
    return ended;
  }

  /** Shows what was held back. @param sequence null: it may not be used any more, and the last probabilities are left out */
  async end(sequence: LlamaContextSequence | null): Promise<void> {
    this.#waiting += this.#stop.rest();
    await this.#show(sequence);
  }

  async #show(sequence: LlamaContextSequence | null): Promise<void> {
    const { logprobs, onText } = this.#options;
    const first = this.#shown === 0;
    const text = this.#waiting;
    this.#waiting = "";
    this.#shown += text.length;
    if (!logprobs) {
      this.#ends = [];
      return onText(text, first);
    }
    if (sequence) await this.#readLogprobs(sequence, logprobs.top);
    const complete = this.#ends.findIndex((end) => end > this.#shown);
    const count = Math.min(this.#logprobs.length, complete < 0 ? this.#ends.length : complete);
    this.#ends.splice(0, count);
    onText(text, first, this.#logprobs.splice(0, count));
  }

  async #readLogprobs(sequence: LlamaContextSequence, top: number): Promise<void> {
    const unread = this.#ends.length - this.#logprobs.length;
    if (unread === 0) return;
    const before = [...this.#options.prompt, ...this.tokens.slice(0, -unread)];
    this.#logprobs.push(
      ...(await readLogprobs(this.#model, sequence, before, this.tokens.slice(-unread), top)),
    );
  }
}
