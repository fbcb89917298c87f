import os from "node:os";

const SAMPLE_MS = 250;

/** CPU time so far, in ms: of this process, and idle over all cores. */
interface Sample {
  at: number;
  own: number;
  idle: number;
}

/** Watches how much of the machine this process has or could have: what it uses and what nobody does. */
export class CoreWatch {
  #last = sample();
  #cores = os.availableParallelism();

  /** In cores, over the last quarter of a second or so. */
  get cores(): number {
    if (performance.now() - this.#last.at < SAMPLE_MS) return this.#cores;
    const now = sample();
    const spent = now.own - this.#last.own + (now.idle - this.#last.idle);
    this.#cores = spent / (now.at - this.#last.at);
    this.#last = now;
    return this.#cores;
  }
}

function sample(): Sample {
  const { user, system } = process.cpuUsage();
  const idle = os.cpus().reduce((sum, { times }) => sum + times.idle, 0);
  return { at: performance.now(), own: (user + system) / 1000, idle };
}
