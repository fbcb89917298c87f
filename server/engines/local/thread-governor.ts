/** What a step was for: its cost is compared with that of its own kind only. */
export type StepKind = "prefill" | "decode";

/** Steps that cost this many times what they cost with one thread fewer have lost a core to somebody else. */
const SLOW = 2.5;
/** Costs are judged over so long, two steps at least: one late step is no neighbour. */
const WINDOW_MS = 250;
const BASELINE_STEPS = 3;
const FIRST_HOLD_MS = 2_000;
const LONGEST_HOLD_MS = 60_000;

/** All threads are tried where no more than this of their cores is taken by others, and given up beyond the second. */
const TAKEN_TO_START = 0.35;
const TAKEN_TO_STOP = 0.6;

/**
 * How many threads to decode with beside other programs. Threads that wait for each other at every layer crawl as soon
 * as one of them has to share its core: beside a training, two threads on two cores fall from 100 tokens a second to 2,
 * with single steps of up to eight seconds, while one keeps 60 to 80. So one thread fewer is the baseline; all of them
 * are used while the cores are free for them and that is faster. A try that disappoints is costly, and after each one
 * the next waits twice as long.
 */
export class ThreadGovernor {
  readonly #all: number;
  readonly #baseline = new Map<StepKind, { cost: number; steps: number }>();
  #threads: number;
  #window = newWindow();
  #holdMs = FIRST_HOLD_MS;
  #holdUntil = 0;

  constructor(all: number) {
    this.#all = all;
    this.#threads = Math.max(1, all - 1);
  }

  get threads(): number {
    return this.#threads;
  }

  /**
   * @param cost ms of a decode step, or ms a token of a prefill step
   * @param now a clock in ms
   * @param cores those that this process has or could have
   */
  observe(kind: StepKind, cost: number, now: number, cores: number): void {
    if (this.#all === 1) return;
    if (this.#threads < this.#all) this.#observeFewer(kind, cost, now, cores);
    else if (cores < this.#all - TAKEN_TO_STOP) this.#use(this.#all - 1);
    else this.#observeAll(kind, cost, now);
  }

  #observeFewer(kind: StepKind, cost: number, now: number, cores: number): void {
    const known = this.#baseline.get(kind);
    // A moving mean: what a step costs grows with the conversation.
    this.#baseline.set(
      kind,
      known ? { cost: 0.7 * known.cost + 0.3 * cost, steps: known.steps + 1 } : { cost, steps: 1 },
    );
    const measured = (known?.steps ?? 0) + 1 >= BASELINE_STEPS;
    const free = cores >= this.#all - TAKEN_TO_START;
    if (measured && free && now >= this.#holdUntil) this.#use(this.#all);
  }

  #observeAll(kind: StepKind, cost: number, now: number): void {
    const baseline = this.#baseline.get(kind);
    if (!baseline || baseline.steps < BASELINE_STEPS) {
      this.#use(this.#all - 1);
      return;
    }
    if (this.#isSlow(cost, now, baseline.cost)) {
      this.#holdUntil = now + this.#holdMs;
      this.#holdMs = Math.min(LONGEST_HOLD_MS, 2 * this.#holdMs);
      this.#use(this.#all - 1);
    } else if (now > this.#holdUntil + LONGEST_HOLD_MS) {
      // Fast for long: the next disappointment is a new one.
      this.#holdMs = FIRST_HOLD_MS;
    }
  }

  /** Whether the window that ends with this step was slow in the mean; costs are in units of their kind's baseline. */
  #isSlow(cost: number, now: number, baseline: number): boolean {
    const window = this.#window;
    if (window.steps === 0) window.since = now;
    window.cost += cost / baseline;
    window.steps += 1;
    if (window.steps < 2 || now - window.since < WINDOW_MS) return false;
    const mean = window.cost / window.steps;
    this.#window = newWindow();
    return mean > SLOW;
  }

  #use(threads: number): void {
    this.#threads = threads;
    this.#window = newWindow();
  }
}

const newWindow = () => ({ since: 0, cost: 0, steps: 0 });
