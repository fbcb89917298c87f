/** A request from when it comes in until it has ended. */
export interface Job {
  id: number;
  /** Whose it is: people share the machine by this, not by how much they ask for. */
  user: string;
  /** The context that it needs: generations of one adapter share decode batches. */
  group: string;
  /** It has to leave the queue by then, in ms of the clock that every `now` here is read from. */
  startBy: number;
  /** Work for nobody, such as warming a prompt up: runs only while nobody waits. */
  background: boolean;
}

/** One llama.cpp batch: a prompt goes on by so many tokens, or the streams of a group get their next token. */
export type Step =
  | { kind: "prefill"; group: string; id: number; tokens: number }
  | { kind: "decode"; group: string; ids: number[] };

export interface SchedulerOptions {
  /** Jobs that may wait; one more is refused. */
  maxWaiting: number;
  /** Tokens that one batch can hold. */
  batchSize: number;
  /** Groups that step at the same time: 1 on a CPU, where contexts that decode side by side starve each other. */
  groupsAtOnce: number;
}

/** A prompt chunk should not take longer, in ms: a cancel takes effect within the step that runs. */
const CHUNK_MS = 80;
const MIN_CHUNK = 16;
/** A stream that has had no token for so long goes first, in ms, whatever else is due. */
const STALL_MS = 200;
/** Where streams are always due, a prompt goes on after so long all the same, in ms. */
const PROMPT_STALL_MS = 400;
/** A group keeps the processor until another one's people are behind by more than this, in ms. */
const QUANTUM_MS = 24;
/** Head start of somebody who comes to the machine, in ms of its time: enough for a short prompt to be read at once. */
const HEAD_START_MS = 400;
/** What reading a prompt counts for: people who wait for a first word are worse off than those who read along. */
const PREFILL_CHARGE = 0.5;
/** Waiting so long makes up for one running answer of the same person, in ms. */
const AGEING_MS = 5_000;
/** Machine time that a ms of waiting makes up for: newcomers, who start behind everybody, pass nobody for ever. */
const AGEING = 0.1;
/** A job that has waited so long for a context makes the least busy group give its context up, in ms. */
const DRAIN_AFTER_MS = 2_000;

interface Running {
  job: Job;
  /** Prompt tokens still to be read; 0 once it decodes. */
  remaining: number;
  since: number;
}

interface Waiting {
  job: Job;
  since: number;
}

/**
 * Decides what the model does next, and nothing else: no clock, no model, no I/O.
 *
 * The rule is fair queueing over people (start-time fair queueing, as in Linux's CFS): everybody has a virtual time, the
 * milliseconds of the machine they were given; a batch charges each of its members an equal share, so that those who
 * share batches get more tokens for their time. Whoever is furthest behind is served, with their whole group; a newcomer
 * starts a little behind everybody, so that short prompts are read at once, while a long one soon takes turns with the
 * streams. Prompts are read in chunks of bounded time, and whatever is due by virtual time, no stream goes without a token
 * for longer than {@link STALL_MS}, as long as the groups' steps fit into that time at all; where they do not, prompts
 * keep a fifth of the machine.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #running = new Map<number, Running>();
  readonly #waiting = new Map<number, Waiting>();
  /** Machine time that each person with a job here was given, in ms. */
  readonly #virtual = new Map<string, number>();
  /** When a group last stepped or, before that, got its first stream. */
  readonly #steppedAt = new Map<string, number>();
  readonly #decodeMs = new Map<string, number>();
  /** When part of a prompt was last read. */
  #readAt = 0;
  /** Virtual time never runs backwards: newcomers are placed relative to this. */
  #floor = 0;
  #current = "";
  /** Measured; the first guess suits a small model on two cores. */
  #prefillMsPerToken = 4;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  get counts(): { running: number; waiting: number } {
    return { running: count(this.#running), waiting: count(this.#waiting) };
  }

  /** What it takes to read a token of a prompt, in ms: a moving mean. */
  get msPerPromptToken(): number {
    return this.#prefillMsPerToken;
  }

  get isIdle(): boolean {
    return this.#running.size + this.#waiting.size === 0;
  }

  /** Takes a job into the queue; false where the queue is full. */
  submit(job: Job, now: number): boolean {
    if (!job.background && this.counts.waiting >= this.#options.maxWaiting) return false;
    this.#waiting.set(job.id, { job, since: now });
    const known = this.#virtual.get(job.user);
    const start = this.#floor - HEAD_START_MS;
    // Who has a job here keeps their time, so that asking for more is no way to be served more.
    if (known === undefined || !this.#hasOther(job))
      this.#virtual.set(job.user, Math.max(known ?? start, start));
    return true;
  }

  /** Waiting jobs in the order in which they should get a sequence. */
  queue(now: number): Job[] {
    const taken = new Map<string, number>();
    for (const { job } of this.#running.values()) taken.set(job.user, (taken.get(job.user) ?? 0) + 1);
    // The map keeps the order in which jobs came: the first of each person is asked for before anybody's second.
    return [...this.#waiting.values()]
      .map(({ job, since }) => {
        const before = taken.get(job.user) ?? 0;
        taken.set(job.user, before + 1);
        const places = Math.max(0, before - Math.floor((now - since) / AGEING_MS));
        const time = this.#timeOf(job) - (now - since) * AGEING;
        return { job, key: [job.background ? 1 : 0, places, time, since, job.id] };
      })
      .sort((a, b) => (isBefore(a.key, b.key) ? -1 : 1))
      .map(({ job }) => job);
  }

  /** How many jobs are before each one that has waited for at least `minMs`. */
  positions(now: number, minMs: number): Map<number, number> {
    const places = new Map<number, number>();
    this.queue(now).forEach(({ id, background }, ahead) => {
      const since = this.#waiting.get(id)?.since ?? now;
      if (!background && now - since >= minMs) places.set(id, ahead);
    });
    return places;
  }

  /** Jobs that waited too long. */
  expired(now: number): Job[] {
    return [...this.#waiting.values()].filter(({ job }) => now >= job.startBy).map(({ job }) => job);
  }

  /**
   * The group that should take no new jobs because a job that cannot get a context has waited too long: the one with the
   * fewest running answers. `stuck` are the jobs for which no context could be made.
   */
  draining(stuck: readonly Job[], now: number): string | null {
    const aged = stuck.some((job) => {
      const waiting = this.#waiting.get(job.id);
      return waiting !== undefined && !job.background && now - waiting.since >= DRAIN_AFTER_MS;
    });
    if (!aged) return null;
    const sizes = new Map<string, number>();
    for (const { job } of this.#running.values()) sizes.set(job.group, (sizes.get(job.group) ?? 0) + 1);
    return [...sizes].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0] ?? null;
  }

  /** A waiting job got its sequence; `remaining` tokens of its prompt have to be read. */
  admit(id: number, remaining: number, now: number): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    this.#running.set(id, { job: waiting.job, remaining: Math.max(1, remaining), since: now });
  }

  /** It ended, failed or was cancelled, wherever it stood. */
  remove(id: number): void {
    const job = this.#running.get(id)?.job ?? this.#waiting.get(id)?.job;
    this.#running.delete(id);
    this.#waiting.delete(id);
    if (!job) return;
    if (![...this.#running.values()].some((other) => other.job.group === job.group)) {
      this.#steppedAt.delete(job.group);
      this.#decodeMs.delete(job.group);
    }
    this.#forgetLongGone();
  }

  /** What to run next: nothing, one group, or on a GPU one step for each group that has work. */
  plan(now: number): Step[] {
    const steps: Step[] = [];
    const busy = new Set<string>();
    while (steps.length < this.#options.groupsAtOnce) {
      const step = this.#choose(now, busy);
      if (!step) break;
      busy.add(step.group);
      steps.push(step);
    }
    this.#current = steps[0]?.group ?? "";
    return steps;
  }

  /** What a planned step cost. */
  ran(step: Step, ms: number, now: number): void {
    if (step.kind === "prefill") this.#ranPrefill(step, ms, now);
    else this.#ranDecode(step, ms, now);
    this.#raiseFloor();
  }

  #ranPrefill({ group, id, tokens }: Extract<Step, { kind: "prefill" }>, ms: number, now: number): void {
    if (tokens >= MIN_CHUNK) this.#prefillMsPerToken = mean(this.#prefillMsPerToken, ms / tokens);
    this.#readAt = now;
    this.#charge(id, ms * PREFILL_CHARGE);
    const running = this.#running.get(id);
    if (!running) return;
    running.remaining = Math.max(0, running.remaining - tokens);
    // Its first token came with the last of its prompt; other streams of its group had none.
    if (running.remaining === 0 && !this.#steppedAt.has(group)) this.#steppedAt.set(group, now);
  }

  #ranDecode({ group, ids }: Extract<Step, { kind: "decode" }>, ms: number, now: number): void {
    this.#decodeMs.set(group, mean(this.#decodeMs.get(group) ?? ms, ms));
    this.#steppedAt.set(group, now);
    for (const id of ids) this.#charge(id, ms / ids.length);
  }

  #choose(now: number, busy: ReadonlySet<string>): Step | null {
    const free = [...this.#running.values()].filter(({ job }) => !busy.has(job.group));
    const foreground = free.filter(({ job }) => !job.background);
    const members = foreground.length > 0 ? foreground : free;
    const prefill = this.#firstPrefill(members);
    const groups = [...new Set(members.filter(isDecoding).map(({ job }) => job.group))];
    const stalled = this.#mostStalled(groups, now, prefill === null ? 0 : CHUNK_MS);
    const decode = stalled ?? this.#firstDecode(groups, members);
    if (prefill === null) return decode === null ? null : this.#decodeStep(decode);
    if (decode === null || now - Math.max(this.#readAt, prefill.since) > PROMPT_STALL_MS)
      return this.#prefillStep(prefill);
    const isBehind = this.#timeOf(prefill.job) <= this.#timeOfGroup(decode, members) + QUANTUM_MS;
    return stalled === null && isBehind ? this.#prefillStep(prefill) : this.#decodeStep(decode);
  }

  /** Among those who are about as far behind as anybody, who has least to read: mean waiting is shortest that way. */
  #firstPrefill(members: Running[]): Running | null {
    const reading = members.filter((member) => !isDecoding(member));
    if (reading.length === 0) return null;
    const furthest = Math.min(...reading.map(({ job }) => this.#timeOf(job)));
    const behind = reading.filter(({ job }) => this.#timeOf(job) <= furthest + HEAD_START_MS);
    const key = ({ job, remaining, since }: Running) => [remaining, since, job.id];
    return behind.reduce((best, other) => (isBefore(key(other), key(best)) ? other : best));
  }

  #firstDecode(groups: string[], members: Running[]): string | null {
    let best: string | null = null;
    let bestTime = Number.POSITIVE_INFINITY;
    for (const group of groups) {
      const bonus = group === this.#current ? QUANTUM_MS : 0;
      const time = this.#timeOfGroup(group, members) - bonus;
      if (time < bestTime) [best, bestTime] = [group, time];
    }
    return best;
  }

  /** The group whose streams would wait too long if something of `nextMs` went before them. */
  #mostStalled(groups: string[], now: number, nextMs: number): string | null {
    const stepped = (group: string) => this.#steppedAt.get(group) ?? now;
    const late = groups.filter((group) => {
      const due = stepped(group) + STALL_MS;
      return now + nextMs + (this.#decodeMs.get(group) ?? 0) > due;
    });
    if (late.length === 0) return null;
    return late.reduce((worst, other) => (stepped(other) < stepped(worst) ? other : worst));
  }

  #decodeStep(group: string): Step {
    const members = [...this.#running.values()].filter(
      (member) => member.job.group === group && isDecoding(member),
    );
    return { kind: "decode", group, ids: members.map(({ job }) => job.id) };
  }

  #prefillStep({ job: { id, group }, remaining }: Running): Step {
    const chunk = Math.floor(CHUNK_MS / this.#prefillMsPerToken);
    const tokens = Math.min(remaining, this.#options.batchSize, Math.max(MIN_CHUNK, chunk));
    return { kind: "prefill", group, id, tokens };
  }

  #charge(id: number, ms: number): void {
    const running = this.#running.get(id);
    if (!running) return;
    this.#virtual.set(running.job.user, this.#timeOf(running.job) + ms);
  }

  #timeOf(job: Job): number {
    return this.#virtual.get(job.user) ?? this.#floor;
  }

  #timeOfGroup(group: string, members: Running[]): number {
    const times = members.filter((member) => member.job.group === group && isDecoding(member));
    return Math.min(...times.map(({ job }) => this.#timeOf(job)));
  }

  #raiseFloor(): void {
    const times = [...this.#running.values()].map(({ job }) => this.#timeOf(job));
    if (times.length > 0) this.#floor = Math.max(this.#floor, Math.min(...times));
  }

  #hasOther(job: Job): boolean {
    const others = [...this.#running.values(), ...this.#waiting.values()];
    return others.some((other) => other.job.user === job.user && other.job.id !== job.id);
  }

  /** Somebody who went with a debt finds it again for as long as it is one. */
  #forgetLongGone(): void {
    const here = new Set([...this.#running.values(), ...this.#waiting.values()].map(({ job }) => job.user));
    for (const [user, time] of this.#virtual)
      if (!here.has(user) && time <= this.#floor - HEAD_START_MS) this.#virtual.delete(user);
    if (here.size === 0) this.#virtual.clear();
  }
}

const isDecoding = ({ remaining }: Running): boolean => remaining === 0;

const mean = (before: number, now: number): number => 0.7 * before + 0.3 * now;

const count = (jobs: ReadonlyMap<number, { job: Job }>): number =>
  [...jobs.values()].filter(({ job }) => !job.background).length;

/** Lexicographic order. */
function isBefore(a: number[], b: number[]): boolean {
  for (let index = 0; index < a.length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
