import type { LlamaModel, Token } from "node-llama-cpp";
import type { TokenLogprob } from "../../protocol/index.ts";
import type { GenerateRequest, GenerationEvent } from "../engine.ts";
import { AnswerWriter } from "./answer-writer.ts";
import type { Slot } from "./context-pool.ts";
import type { Fitted } from "./fit-context.ts";
import { JSON_END, openGrammar } from "./grammar.ts";
import { Work } from "./work.ts";

const PENALTY_WINDOW = 64;

type Sampler = ReturnType<Slot["sequence"]["evaluate"]>;
type FinishReason = Extract<GenerationEvent, { type: "finished" }>["reason"];

/** Where an answer goes. */
export interface Reader {
  onText(text: string, first: boolean, logprobs?: TokenLogprob[]): void;
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
  readonly #model: LlamaModel;
  readonly #answer: AnswerWriter;
  #cached = 0;
  /** performance.now() when it was given a sequence. */
  #begunAt = 0;
  #sampler: Sampler | null = null;
  #ahead: number | null = null;

  constructor(model: LlamaModel, { id, group, request, fitted }: GenerationOptions, reader: Reader) {
    const { adapter, user } = request;
    super({ id, group, adapter, user, background: false, tokens: fitted.tokens });
    this.#request = request;
    this.#fitted = fitted;
    this.#reader = reader;
    this.#model = model;
    this.#answer = new AnswerWriter(model, {
      prompt: fitted.tokens,
      stop: [...(request.stop ?? []), ...(request.format ? [JSON_END] : [])],
      logprobs: request.logprobs,
      onText: (text, first, logprobs) => reader.onText(text, first, logprobs),
    });
  }

  override begin(slot: Slot): number {
    this.#cached = slot.sequence.nextTokenIndex;
    this.#begunAt = performance.now();
    return super.begin(slot);
  }

  async step(promptTokens: number): Promise<void> {
    const { slot } = this;
    if (!slot || this.done) return;
    if (this.#sampler) return this.#decode(slot.sequence, this.#sampler);
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
    return this.#finish("stopped", null);
  }

  protected onFailed(error: unknown): void {
    this.#reader.onFailed(error);
  }

  /** The rest of the prompt and the first token are one batch. */
  async #readLast({ sequence }: Slot, rest: Token[]): Promise<void> {
    const { sampling, seed, format, ignoreEnd } = this.#request;
    const { temperature, topP, topK, minP, repeatPenalty } = sampling;
    const { presencePenalty = 0, frequencyPenalty = 0 } = sampling;
    this.#sampler = sequence.evaluate(rest, {
      temperature,
      topP,
      topK,
      minP,
      seed,
      ...(ignoreEnd && { yieldEogToken: true }),
      ...(format && { grammarEvaluationState: await openGrammar(this.#model, format) }),
      ...((repeatPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0) && {
        repeatPenalty: {
          penalty: repeatPenalty,
          presencePenalty,
          frequencyPenalty,
          punishTokens: () => this.#answer.tokens.slice(-PENALTY_WINDOW),
        },
      }),
    });
    return this.#decode(sequence, this.#sampler);
  }

  async #decode(sequence: Slot["sequence"], sampler: Sampler): Promise<void> {
    const first = this.#answer.tokens.length === 0;
    const { value: token, done } = await sampler.next();
    if (this.done) return;
    if (first) this.#started();
    if (done || token === undefined) return this.#finish("stop", sequence);
    if (await this.#answer.push(token, sequence)) return this.#finish("stop", sequence);
    if (this.#answer.tokens.length >= this.#fitted.answerLimit) await this.#finish("length", sequence);
  }

  #started(): void {
    const { tokens, droppedTurns } = this.#fitted;
    this.#reader.onEvent({
      type: "started",
      promptTokens: tokens.length,
      cachedTokens: this.#cached,
      droppedTurns,
      prefillMs: performance.now() - this.#begunAt,
    });
  }

  async #finish(reason: FinishReason, sequence: Slot["sequence"] | null): Promise<void> {
    if (this.done) return;
    // Before it counts as done: where this fails, the reader has to hear of it.
    await this.#answer.end(sequence);
    if (!this.end()) return;
    await this.#sampler?.return();
    this.#reader.onEvent({ type: "finished", reason, completionTokens: this.#answer.tokens.length });
  }
}
