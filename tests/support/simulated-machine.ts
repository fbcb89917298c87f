import {
  type Job,
  Scheduler,
  type SchedulerOptions,
  type Step,
} from "../../server/engines/local/scheduler.ts";

/** What somebody asks for in a simulation; times in ms. */
export interface Ask {
  user: string;
  group: string;
  at: number;
  prompt: number;
  answer: number;
  cancelAt?: number;
}

export interface Seen extends Ask {
  /** Times at which its tokens came. */
  tokens: number[];
  /** NaN until it has. */
  ended: number;
}

export interface Machine extends Partial<SchedulerOptions> {
  /** Sequences of each group. */
  sequences?: number;
}

/** Costs as measured with the default model on two cores. */
export const PREFILL_MS_PER_TOKEN = 3.5;
export const decodeMs = (members: number): number => 8 * members ** 0.75;

export const job = (what: Partial<Job> & { id: number }): Job => ({
  user: "u",
  group: "g",
  startBy: Number.POSITIVE_INFINITY,
  background: false,
  ...what,
});

/** Runs asks through a scheduler on a machine that is made of arithmetic: nothing but the scheduler decides. */
export function simulate(asks: readonly Ask[], machine: Machine = {}): Seen[] {
  return new Simulation(asks, machine).run();
}

class Simulation {
  readonly #seen: Seen[];
  readonly #scheduler: Scheduler;
  readonly #sequences: number;
  readonly #come = new Set<number>();
  /** Prompt tokens left to read of those that have a sequence. */
  readonly #left = new Map<number, number>();
  #now = 0;

  constructor(asks: readonly Ask[], { sequences = 8, ...options }: Machine) {
    this.#seen = asks.map((ask) => ({ ...ask, tokens: [], ended: Number.NaN }));
    this.#scheduler = new Scheduler({ maxWaiting: 1000, batchSize: 256, groupsAtOnce: 1, ...options });
    this.#sequences = sequences;
  }

  run(): Seen[] {
    while (this.#seen.some(({ ended }) => Number.isNaN(ended))) {
      this.#arrive();
      this.#cancel();
      this.#admit();
      const [step] = this.#scheduler.plan(this.#now);
      if (step) this.#step(step);
      else this.#wait();
    }
    return this.#seen;
  }

  #arrive(): void {
    this.#seen.forEach(({ at, user, group }, id) => {
      if (at > this.#now || this.#come.has(id)) return;
      this.#come.add(id);
      this.#scheduler.submit(job({ id, user, group }), this.#now);
    });
  }

  #cancel(): void {
    this.#seen.forEach(({ cancelAt = Number.POSITIVE_INFINITY, ended }, id) => {
      if (cancelAt <= this.#now && this.#come.has(id) && Number.isNaN(ended)) this.#end(id);
    });
  }

  #admit(): void {
    for (const { id, group } of this.#scheduler.queue(this.#now)) {
      const lent = [...this.#left.keys()].filter((other) => this.#seen[other]?.group === group).length;
      if (lent >= this.#sequences) continue;
      const { prompt } = this.#seen[id] as Seen;
      this.#left.set(id, prompt);
      this.#scheduler.admit(id, prompt, this.#now);
    }
  }

  #step(step: Step): void {
    const ms = step.kind === "prefill" ? step.tokens * PREFILL_MS_PER_TOKEN : decodeMs(step.ids.length);
    if (ms === 0) throw new Error("an empty step was planned");
    this.#now += ms;
    if (step.kind === "prefill") this.#read(step.id, step.tokens);
    else for (const id of step.ids) this.#seen[id]?.tokens.push(this.#now);
    this.#scheduler.ran(step, ms, this.#now);
    for (const id of this.#left.keys()) {
      const { tokens, answer } = this.#seen[id] as Seen;
      if (tokens.length >= answer) this.#end(id);
    }
  }

  #read(id: number, tokens: number): void {
    const rest = (this.#left.get(id) ?? Number.NaN) - tokens;
    if (!(rest >= 0)) throw new Error("more was to be read than the prompt has");
    this.#left.set(id, rest);
    if (rest === 0) this.#seen[id]?.tokens.push(this.#now);
  }

  #wait(): void {
    const next = this.#seen.filter((_, id) => !this.#come.has(id)).map(({ at }) => at);
    const allEnded = this.#seen.every(({ ended }) => !Number.isNaN(ended));
    if (next.length === 0 && this.#scheduler.isIdle && !allEnded) throw new Error("somebody was forgotten");
    this.#now = next.length > 0 ? Math.max(this.#now, Math.min(...next)) : this.#now + 1;
  }

  #end(id: number): void {
    (this.#seen[id] as Seen).ended = this.#now;
    this.#left.delete(id);
    this.#scheduler.remove(id);
  }
}
