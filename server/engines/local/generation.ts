import type { LlamaModel, Token } from "node-llama-cpp";
import type { GenerateRequest, GenerationEvent } from "../engine.ts";
import type { Slot } from "./context-pool.ts";
import type { Fitted } from "./fit-context.ts";
import { TextStream } from "./text-stream.ts";

const PENALTY_WINDOW = 64;

type Sampler = ReturnType<Slot["sequence"]["evaluate"]>;

/**
 * One answer on its way: chunks of the prompt first, then a token a step. It decides nothing about when it runs: the
 * step loop calls {@link step}, and between two steps it can be cancelled.
 */
export class Generation {
  readonly request: GenerateRequest;
  readonly fitted: Fitted<Token>;
  readonly #emit: (event: GenerationEvent) => void;
  readonly #text: TextStream;
  #slot: Slot | null = null;
  #evaluated = 0;
  #cached = 0;
  #sampler: Sampler | null = null;
  #produced: Token[] = [];
  #buffer = "";
  #done = false;

  constructor(
    model: LlamaModel,
    request: GenerateRequest,
    fitted: Fitted<Token>,
    emit: (event: GenerationEvent) => void,
  ) {
    this.request = request;
    this.fitted = fitted;
    this.#emit = emit;
    this.#text = new TextStream(model, fitted.tokens);
  }

  get done(): boolean {
    return this.#done;
  }

  get slot(): Slot | null {
    return this.#slot;
  }

  get prefilling(): boolean {
    return this.#sampler === null;
  }

  /** Takes a sequence and keeps what it already knows of the prompt; the last prompt token is always evaluated anew. */
  async begin(slot: Slot): Promise<void> {
    this.#slot = slot;
    const prefix = this.fitted.tokens.slice(0, -1);
    // Without `false` the library also keeps shifted matches, whose state is not that of a cold run.
    await slot.sequence.adaptStateToTokens(prefix, false);
    this.#evaluated = this.#cached = slot.sequence.nextTokenIndex;
  }

  /** Evaluates up to `prefillTokens` of the prompt, or samples one token. Returns the number of tokens evaluated. */
  async step(prefillTokens: number): Promise<number> {
    const slot = this.#slot;
    if (!slot || this.#done) return 0;
    if (this.#sampler) return this.#decode(this.#sampler);
    const end = Math.min(this.fitted.tokens.length - 1, this.#evaluated + prefillTokens);
    const chunk = this.fitted.tokens.slice(this.#evaluated, end);
    if (chunk.length > 0) await slot.sequence.evaluateWithoutGeneratingNewTokens(chunk);
    this.#evaluated = end;
    if (end === this.fitted.tokens.length - 1) this.#startSampling(slot);
    return chunk.length;
  }

  /** Sends the text that has come since the last time. */
  flush(): void {
    if (this.#buffer === "") return;
    this.#emit({ type: "delta", text: this.#buffer });
    this.#buffer = "";
  }

  /** Ends the answer where it is. Safe between steps at any time, also before it began. */
  async stop(reason: "stop" | "length" | "stopped"): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    await this.#sampler?.return();
    this.flush();
    this.#emit({ type: "finished", reason, completionTokens: this.#produced.length });
  }

  #startSampling(slot: Slot): void {
    const { sampling, seed } = this.request;
    const { temperature, topP, topK, minP, repeatPenalty } = sampling;
    this.#sampler = slot.sequence.evaluate(this.fitted.tokens.slice(-1), {
      temperature,
      topP,
      topK,
      minP,
      seed,
      ...(repeatPenalty !== 1 && {
        repeatPenalty: { penalty: repeatPenalty, punishTokens: () => this.#produced.slice(-PENALTY_WINDOW) },
      }),
    });
    const { tokens, droppedTurns } = this.fitted;
    this.#emit({ type: "started", promptTokens: tokens.length, cachedTokens: this.#cached, droppedTurns });
  }

  async #decode(sampler: Sampler): Promise<number> {
    const { value: token, done } = await sampler.next();
    if (this.#done) return 1;
    if (done || token === undefined) {
      await this.stop("stop");
      return 1;
    }
    this.#produced.push(token);
    this.#buffer += this.#text.push(token);
    // The first word is what people wait for; the rest goes out when the step loop says so.
    if (this.#produced.length === 1) this.flush();
    if (this.#produced.length >= this.fitted.answerLimit) await this.stop("length");
    return 1;
  }
}
