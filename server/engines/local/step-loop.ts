import { PatchbayError } from "../../protocol/index.ts";
import type { ContextPool } from "./context-pool.ts";
import { releaseThreads } from "./decode-threads.ts";
import type { Outbox } from "./outbox.ts";
import type { Scheduler, Step } from "./scheduler.ts";
import type { Work } from "./work.ts";

/** Those who wait are told their place this often, and not before they have waited for a moment. */
const TELL_MS = 500;
const MOMENT_MS = 250;
/** While nothing can run, the queue is looked at this often. */
const LOOK_MS = 50;

export interface StepLoopOptions {
  pool: ContextPool;
  scheduler: Scheduler;
  outbox: Outbox;
  maxWaitMs: number;
  /** How long the loop stands still after text went out, in ms; see {@link StepLoop}. */
  pauseMs: () => number;
  onStep: (step: Step, ms: number) => void;
}

/**
 * Runs what the scheduler plans, step by step. Nothing runs between two steps, which is when sequences are handed out
 * and trimmed and work is ended: llama.cpp's context lock is never waited for.
 *
 * On a CPU the decode threads fill every core and wait for each other by spinning. When the server process wakes to take
 * a delta, it pushes one of them aside, and the others spin for some 8 ms until it is back: at a delta every 30 ms that
 * was a third of the speed. So text goes out together, and the loop pauses for as long as the server needs to take it.
 */
export class StepLoop {
  readonly #options: StepLoopOptions;
  readonly #works = new Map<number, Work>();
  readonly #ended = new Set<Work>();
  readonly #retiring = new Set<string>();
  #active = false;
  /** Something changed that may let waiting work begin. */
  #admitDue = false;
  #toldAt = 0;
  #wake: () => void = () => undefined;

  constructor(options: StepLoopOptions) {
    this.#options = options;
  }

  /** @throws {PatchbayError} `queue-full` */
  add(work: Work): void {
    const { scheduler, maxWaitMs } = this.#options;
    const now = performance.now();
    const { id, user, group, background } = work;
    const startBy = background ? Number.POSITIVE_INFINITY : now + maxWaitMs;
    if (!scheduler.submit({ id, user, group, background, startBy }, now))
      throw new PatchbayError("queue-full", "Too many answers are waiting for the model already.", {
        hint: "Try again in a while.",
      });
    this.#retiring.delete(group);
    this.#works.set(id, work);
    this.#admitSoon();
  }

  /** Takes effect after the step that runs. */
  cancel(id: number): void {
    const work = this.#works.get(id);
    if (!work) return;
    this.#ended.add(work);
    this.#admitSoon();
  }

  /** Closes a group's context as soon as nothing needs it. */
  retire(group: string): void {
    this.#retiring.add(group);
    for (const work of this.#works.values())
      if (work.background && work.group === group) this.#ended.add(work);
    this.#admitSoon();
  }

  #admitSoon(): void {
    this.#admitDue = true;
    this.#wake();
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#active) return;
    this.#active = true;
    // Requests that came in the same moment are seen together.
    await new Promise((resolve) => setImmediate(resolve));
    const { scheduler, outbox } = this.#options;
    while (!scheduler.isIdle || this.#ended.size + this.#retiring.size > 0) {
      await this.#endCancelled();
      this.#expire();
      if (this.#admitDue) await this.#admit();
      await this.#closeRetired();
      this.#tellPlaces();
      const steps = scheduler.plan(performance.now());
      if (steps.length > 0) await Promise.all(steps.map((step) => this.#step(step)));
      if (outbox.flush(performance.now())) await this.#pause();
      if (steps.length === 0 && !scheduler.isIdle) await this.#news();
    }
    outbox.flush(performance.now());
    this.#active = false;
  }

  async #endCancelled(): Promise<void> {
    for (const work of this.#ended) {
      this.#ended.delete(work);
      await work.stop();
      this.#remove(work);
    }
  }

  #expire(): void {
    for (const { id } of this.#options.scheduler.expired(performance.now())) {
      const work = this.#works.get(id);
      const seconds = Math.round(this.#options.maxWaitMs / 1000);
      work?.fail(
        new PatchbayError("queue-timeout", `The model was busy with other answers for ${seconds} s.`, {
          hint: "Try again in a while.",
        }),
      );
      if (work) this.#remove(work);
    }
  }

  async #admit(): Promise<void> {
    const { scheduler, pool } = this.#options;
    this.#admitDue = false;
    const now = performance.now();
    const queue = scheduler.queue(now);
    const stuck = queue.filter(({ group }) => !pool.has(group));
    const draining = scheduler.draining(stuck, now);
    for (const { id, group } of queue) {
      const work = this.#works.get(id);
      if (work && group !== draining) await this.#begin(work);
    }
  }

  async #begin(work: Work): Promise<void> {
    const { scheduler, pool } = this.#options;
    const { group: key, adapter, tokens, background } = work;
    try {
      const slot = await pool.lease({ key, adapter, tokens, background });
      if (slot) scheduler.admit(work.id, work.begin(slot), performance.now());
    } catch (error) {
      work.fail(error);
      this.#remove(work);
    }
  }

  async #step(step: Step): Promise<void> {
    const startedAt = performance.now();
    const works = (step.kind === "decode" ? step.ids : [step.id]).flatMap((id) => this.#works.get(id) ?? []);
    // llama.cpp cuts a batch wherever a sequence is not the one after the last, and reads the weights anew for each part.
    works.sort((one, other) => (one.slot?.index ?? 0) - (other.slot?.index ?? 0));
    const tokens = step.kind === "prefill" ? step.tokens : 0;
    await Promise.all(works.map((work) => work.step(tokens).catch((error) => this.#fail(work, error))));
    const context = works[0]?.slot?.sequence.context;
    if (context) releaseThreads(context);
    const now = performance.now();
    this.#options.scheduler.ran(step, now - startedAt, now);
    this.#options.onStep(step, now - startedAt);
    for (const work of works) if (work.done) this.#remove(work);
  }

  async #closeRetired(): Promise<void> {
    for (const group of this.#retiring) {
      if ([...this.#works.values()].some((work) => work.group === group)) continue;
      this.#retiring.delete(group);
      await this.#options.pool.close(group);
    }
  }

  #tellPlaces(): void {
    const { scheduler } = this.#options;
    const now = performance.now();
    if (now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    // Whoever waits may have become old enough to be let in, or a context idle enough to be given up.
    this.#admitDue = true;
    for (const [id, ahead] of scheduler.positions(now, MOMENT_MS)) this.#works.get(id)?.queued(ahead);
  }

  /** Ends this work and no other; what its sequence holds is not known any more. */
  async #fail(work: Work, error: unknown): Promise<void> {
    work.fail(error);
    await work.slot?.sequence.clearHistory().catch(() => undefined);
  }

  #remove(work: Work): void {
    this.#options.scheduler.remove(work.id);
    this.#works.delete(work.id);
    if (work.slot) this.#options.pool.release(work.slot);
    this.#admitDue = true;
  }

  async #pause(): Promise<void> {
    const ms = this.#options.pauseMs();
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Until something happens that may let work begin. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
