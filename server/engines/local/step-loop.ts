import type { ContextPool } from "./context-pool.ts";
import type { Generation } from "./generation.ts";
import type { StepKind } from "./thread-governor.ts";

/** How long one adapter's generations keep the processor while others wait, in ms. */
const QUANTUM_MS = 150;
/** Longest that one prefill chunk should take, in ms: a stop takes effect within the chunk that is being evaluated. */
const PREFILL_TARGET_MS = 120;
const MIN_CHUNK = 16;
/** Text goes out this often; tokens that come faster share a delta. */
const FLUSH_MS = 100;

export interface StepLoopOptions {
  pool: ContextPool;
  batchSize: number;
  /** How long the loop stands still after text went out, in ms; see {@link StepLoop}. */
  pauseMs: () => number;
  onFailed: (generation: Generation, error: unknown) => void;
  /** What a step cost: ms for decoding, ms a token for prefilling. */
  onStep: (kind: StepKind, cost: number) => void;
}

/**
 * Runs generations step by step, one decode batch at a time: those of one adapter share each batch, adapters take
 * turns. Nothing runs between two steps, which is when sequences are handed out, generations are cancelled and
 * contexts are made or disposed of.
 *
 * On a CPU the decode threads fill every core and wait for each other by spinning. When the server process wakes to take
 * a delta, it pushes one of them aside, and the others spin for some 8 ms until it is back: at a delta every 30 ms that
 * was a third of the speed. So text goes out together, and the loop pauses for as long as the server needs to take it.
 */
export class StepLoop {
  readonly #pool: ContextPool;
  readonly #batchSize: number;
  readonly #pauseMs: () => number;
  readonly #onFailed: StepLoopOptions["onFailed"];
  readonly #onStep: StepLoopOptions["onStep"];
  readonly #running = new Set<Generation>();
  #waiting: Generation[] = [];
  readonly #cancelled = new Set<Generation>();
  #active = false;
  #group = "";
  #groupSince = 0;
  #flushedAt = 0;
  /** Measured prefill speed in tokens per ms; the first guess suits a small model on two cores. */
  #prefillSpeed = 0.25;

  constructor({ pool, batchSize, pauseMs, onFailed, onStep }: StepLoopOptions) {
    this.#pauseMs = pauseMs;
    this.#pool = pool;
    this.#batchSize = batchSize;
    this.#onFailed = onFailed;
    this.#onStep = onStep;
  }

  get counts(): { running: number; waiting: number } {
    return { running: this.#running.size, waiting: this.#waiting.length };
  }

  add(generation: Generation): void {
    this.#waiting.push(generation);
    void this.#run();
  }

  cancel(generation: Generation): void {
    this.#cancelled.add(generation);
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#active) return;
    this.#active = true;
    while (this.#running.size + this.#waiting.length > 0) {
      await this.#endCancelled();
      await this.#admit();
      await this.#stepGroup();
    }
    this.#cancelled.clear();
    this.#active = false;
  }

  async #endCancelled(): Promise<void> {
    for (const generation of this.#cancelled) {
      this.#cancelled.delete(generation);
      await this.#guard(generation, () => generation.stop("stopped"));
      this.#retire(generation);
    }
  }

  async #admit(): Promise<void> {
    for (const generation of this.#waiting) {
      await this.#guard(generation, async () => {
        const slot = await this.#pool.acquire(generation.request.adapter, generation.fitted.tokens);
        if (!slot) return;
        this.#running.add(generation);
        await generation.begin(slot);
      });
    }
    this.#waiting = this.#waiting.filter((generation) => !this.#running.has(generation) && !generation.done);
  }

  /** One batch: every decoding member of the group, and the prompt chunk of one that is prefilling. */
  async #stepGroup(): Promise<void> {
    const members = this.#nextGroup();
    // Nobody could be admitted yet: let messages in, instead of spinning.
    if (members.length === 0) return new Promise((resolve) => setImmediate(resolve));
    const prefilling = members.find((member) => member.prefilling);
    const stepping = members.filter((member) => !member.prefilling || member === prefilling);
    const chunk = Math.max(
      MIN_CHUNK,
      Math.min(this.#batchSize - stepping.length, this.#prefillSpeed * PREFILL_TARGET_MS),
    );
    const startedAt = performance.now();
    const counts = await Promise.all(
      stepping.map((member) =>
        this.#guard(member, () => member.step(Math.floor(chunk))).then((count) => count ?? 0),
      ),
    );
    this.#measure(counts, performance.now() - startedAt, prefilling !== undefined);
    await this.#flush();
    for (const member of stepping) if (member.done) this.#retire(member);
  }

  async #flush(): Promise<void> {
    const now = performance.now();
    if (now - this.#flushedAt < FLUSH_MS) return;
    this.#flushedAt = now;
    for (const generation of this.#running) generation.flush();
    const pauseMs = this.#pauseMs();
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }

  #nextGroup(): Generation[] {
    const groups = new Map<string, Generation[]>();
    for (const generation of this.#running) {
      const key = generation.slot?.group ?? "";
      groups.set(key, [...(groups.get(key) ?? []), generation]);
    }
    const keys = [...groups.keys()];
    const now = performance.now();
    if (!groups.has(this.#group) || (keys.length > 1 && now - this.#groupSince > QUANTUM_MS)) {
      // Keys keep the order in which generations came, so the next one in the ring is never skipped for long.
      this.#group = keys[(keys.indexOf(this.#group) + 1) % keys.length] ?? "";
      this.#groupSince = now;
    }
    return groups.get(this.#group) ?? [];
  }

  #measure(counts: number[], ms: number, prefilling: boolean): void {
    const tokens = counts.reduce((sum, count) => sum + count, 0);
    if (!prefilling) {
      if (tokens > 0) this.#onStep("decode", ms);
    } else if (tokens >= MIN_CHUNK) {
      this.#onStep("prefill", ms / tokens);
      this.#prefillSpeed = 0.5 * this.#prefillSpeed + 0.5 * (tokens / ms);
    }
  }

  #retire(generation: Generation): void {
    this.#waiting = this.#waiting.filter((other) => other !== generation);
    if (this.#running.delete(generation) && generation.slot) this.#pool.release(generation.slot);
  }

  /** Runs a part of a generation's life; a failure ends this generation and no other. */
  async #guard<T>(generation: Generation, part: () => Promise<T>): Promise<T | undefined> {
    try {
      return await part();
    } catch (error) {
      this.#onFailed(generation, error);
      await generation.stop("stopped").catch(() => undefined);
      this.#retire(generation);
      return undefined;
    }
  }
}
