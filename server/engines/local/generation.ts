import type { LlamaModel, Token } from "node-llama-cpp";
import type { GenerateRequest, GenerationEvent } from "../engine.ts";
import type { Slot } from "./context-pool.ts";
import type { Fitted } from "./fit-context.ts";
import { TextStream } from "./text-stream.ts";
import { Work } from "./work.ts";

const PENALTY_WINDOW = 64;

type Sampler = ReturnType<Slot["sequence"]["evaluate"]>;
type FinishReason = Extract<GenerationEvent, { type: "finished" }>["reason"];

/** Where an answer goes. */
export interface Reader {
  onText(text: string, first: boolean): void;
  onEvent(event: Exclude<GenerationEvent, { type: "delta" }>): void;
  onFailed(error: unknown): void;
}

export interface GenerationOptions {
  id: number;
  group: string;
  request: GenerateRequest;
  fitted: Fitted<Token>;
}

/** One answer on its way: chunks of the prompt first, then a token a step. */
export class Generation extends Work {
  readonly #request: GenerateRequest;
  readonly #fitted: Fitted<Token>;
  readonly #reader: Reader;
  readonly #text: TextStream;
  #cached = 0;
  #sampler: Sampler | null = null;
  #produced: Token[] = [];
  #ahead: number | null = null;

  constructor(model: LlamaModel, { id, group, request, fitted }: GenerationOptions, reader: Reader) {
    const { adapter, user } = request;
    super({ id, group, adapter, user, background: false, tokens: fitted.tokens });
    this.#request = request;
    this.#fitted = fitted;
    this.#reader = reader;
    this.#text = new TextStream(model, fitted.tokens);
  }

  override begin(slot: Slot): number {
    this.#cached = slot.sequence.nextTokenIndex;
    return super.begin(slot);
  }

  async step(promptTokens: number): Promise<void> {
    const { slot } = this;
    if (!slot || this.done) return;
    if (this.#sampler) return this.#decode(this.#sampler);
    const part = this.part(slot, promptTokens);
    if (slot.sequence.nextTokenIndex + part.length === this.tokens.length) return this.#readLast(slot, part);
    await slot.sequence.evaluateWithoutGeneratingNewTokens(part);
  }

  queued(ahead: number): void {
    if (ahead === this.#ahead) return;
    this.#ahead = ahead;
    this.#reader.onEvent({ type: "queued", ahead });
  }

  /** Ends the answer where it is. */
  stop(): Promise<void> {
    return this.#finish("stopped");
  }

  protected onFailed(error: unknown): void {
    this.#reader.onFailed(error);
  }

  /** The rest of the prompt and the first token are one batch. */
  #readLast({ sequence }: Slot, rest: Token[]): Promise<void> {
    const { sampling, seed, ignoreEnd } = this.#request;
    const { temperature, topP, topK, minP, repeatPenalty } = sampling;
    this.#sampler = sequence.evaluate(rest, {
      temperature,
      topP,
      topK,
      minP,
      seed,
      ...(ignoreEnd && { yieldEogToken: true }),
      ...(repeatPenalty !== 1 && {
        repeatPenalty: { penalty: repeatPenalty, punishTokens: () => this.#produced.slice(-PENALTY_WINDOW) },
      }),
    });
    return this.#decode(this.#sampler);
  }

  async #decode(sampler: Sampler): Promise<void> {
    const first = this.#produced.length === 0;
    const { value: token, done } = await sampler.next();
    if (this.done) return;
    if (first) this.#started();
    if (done || token === undefined) return this.#finish("stop");
    this.#produced.push(token);
    this.#reader.onText(this.#text.push(token), first);
    if (this.#produced.length >= this.#fitted.answerLimit) await this.#finish("length");
  }

  #started(): void {
    const { tokens, droppedTurns } = this.#fitted;
    const cachedTokens = this.#cached;
    this.#reader.onEvent({ type: "started", promptTokens: tokens.length, cachedTokens, droppedTurns });
  }

  async #finish(reason: FinishReason): Promise<void> {
    if (!this.end()) return;
    await this.#sampler?.return();
    this.#reader.onEvent({ type: "finished", reason, completionTokens: this.#produced.length });
  }
}
