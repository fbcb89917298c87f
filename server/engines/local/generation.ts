import type { LlamaModel, Token } from "node-llama-cpp";
import type { AdapterFile, GenerateRequest, GenerationEvent } from "../engine.ts";
import type { Slot } from "./context-pool.ts";
import type { Fitted } from "./fit-context.ts";
import { TextStream } from "./text-stream.ts";
import type { Work } from "./work.ts";

const PENALTY_WINDOW = 64;

type Sampler = ReturnType<Slot["sequence"]["evaluate"]>;
type FinishReason = Extract<GenerationEvent, { type: "finished" }>["reason"];

/** Where an answer goes. */
export interface Reader {
  onText(text: string, first: boolean): void;
  onEvent(event: Exclude<GenerationEvent, { type: "delta" }>): void;
  onFailed(error: unknown): void;
}

/** One answer on its way: chunks of the prompt first, then a token a step. */
export class Generation implements Work {
  readonly id: number;
  readonly group: string;
  readonly background = false;
  readonly #request: GenerateRequest;
  readonly #fitted: Fitted<Token>;
  readonly #reader: Reader;
  readonly #text: TextStream;
  #slot: Slot | null = null;
  #evaluated = 0;
  #cached = 0;
  #sampler: Sampler | null = null;
  #produced: Token[] = [];
  #ahead: number | null = null;
  #done = false;

  constructor(
    model: LlamaModel,
    what: { id: number; group: string; request: GenerateRequest; fitted: Fitted<Token> },
    reader: Reader,
  ) {
    this.id = what.id;
    this.group = what.group;
    this.#request = what.request;
    this.#fitted = what.fitted;
    this.#reader = reader;
    this.#text = new TextStream(model, what.fitted.tokens);
  }

  get adapter(): AdapterFile | null {
    return this.#request.adapter;
  }

  get user(): string {
    return this.#request.user;
  }

  get tokens(): Token[] {
    return this.#fitted.tokens;
  }

  get done(): boolean {
    return this.#done;
  }

  get slot(): Slot | null {
    return this.#slot;
  }

  begin(slot: Slot): number {
    this.#slot = slot;
    this.#evaluated = this.#cached = slot.sequence.nextTokenIndex;
    return this.tokens.length - this.#evaluated;
  }

  async step(promptTokens: number): Promise<void> {
    const slot = this.#slot;
    if (!slot || this.#done) return;
    if (this.#sampler) return this.#decode(this.#sampler);
    const end = this.#evaluated + promptTokens;
    if (end >= this.tokens.length) return this.#readLast(slot);
    await slot.sequence.evaluateWithoutGeneratingNewTokens(this.tokens.slice(this.#evaluated, end));
    this.#evaluated = end;
  }

  queued(ahead: number): void {
    if (ahead === this.#ahead) return;
    this.#ahead = ahead;
    this.#reader.onEvent({ type: "queued", ahead });
  }

  /** Ends the answer where it is. Safe between steps at any time, also before it began. */
  stop(): Promise<void> {
    return this.#finish("stopped");
  }

  fail(error: unknown): void {
    if (this.#done) return;
    this.#done = true;
    this.#reader.onFailed(error);
  }

  /** The rest of the prompt and the first token are one batch. */
  #readLast(slot: Slot): Promise<void> {
    const { sampling, seed, ignoreEnd } = this.#request;
    const { temperature, topP, topK, minP, repeatPenalty } = sampling;
    this.#sampler = slot.sequence.evaluate(this.tokens.slice(this.#evaluated), {
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
    if (this.#done) return;
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
    if (this.#done) return;
    this.#done = true;
    await this.#sampler?.return();
    this.#reader.onEvent({ type: "finished", reason, completionTokens: this.#produced.length });
  }
}
