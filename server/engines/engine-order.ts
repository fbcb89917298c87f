import { PatchbayError } from "../protocol/index.ts";
import { emptyHealth } from "./empty-health.ts";
import type { AdapterFile, Engine, GenerateRequest, GenerationEvent } from "./engine.ts";

export interface Member {
  name: string;
  engine: Engine;
  /** Whether it would begin soon: not saturated, not known to fail. */
  isReady: () => boolean;
}

/** Members by name: `default`, and domains (an adapter's id, `base`) that have an order of their own. */
export interface Order {
  default: readonly string[];
  domains: ReadonlyMap<string, readonly string[]>;
}

/**
 * Several engines as one: a turn goes to the first of its domain's order that would begin soon, and on to the next one
 * where that fails before its first word. From then on the answer is that engine's alone, so nobody gets two.
 */
export class EngineOrder implements Engine {
  readonly #members: ReadonlyMap<string, Member>;
  readonly #order: Order;
  readonly #onLog: (line: string) => void;

  constructor(members: readonly Member[], order: Order, onLog: (line: string) => void) {
    this.#members = new Map(members.map((member) => [member.name, member]));
    this.#order = order;
    this.#onLog = onLog;
  }

  async *generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    let first: unknown;
    const candidates = this.#candidates(request);
    for (const [index, { name, engine }] of candidates.entries()) {
      const failFast = candidates.slice(index + 1).some(({ isReady }) => isReady());
      let began = false;
      try {
        for await (const event of engine.generate({ ...request, failFast }, signal)) {
          began ||= event.type !== "queued";
          yield event;
        }
        return;
      } catch (error) {
        if (began || !isOfTheEngine(error)) throw error;
        first ??= error;
        this.#onLog(`${name} does not answer, so the next engine is asked: ${error.message}`);
      }
    }
    throw first;
  }

  /** @throws {PatchbayError} the first failure, once all have tried */
  async plug(adapter: AdapterFile | null, systemPrompt: string): Promise<void> {
    const members = [...this.#members.values()];
    const outcomes = await Promise.allSettled(
      members.map(({ engine }) => engine.plug(adapter, systemPrompt)),
    );
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  unplug(adapter: AdapterFile): void {
    for (const { engine } of this.#members.values()) engine.unplug(adapter);
  }

  health() {
    const all = [...this.#members.values()].map(({ engine }) => engine.health());
    const sum = (of: "running" | "waiting") => all.reduce((total, health) => total + health[of], 0);
    return { ...(all[0] ?? emptyHealth), running: sum("running"), waiting: sum("waiting") };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members.values()].map(({ engine }) => engine.close()));
  }

  /** Those that are not ready come last, in the same order: a long queue is better than no answer. */
  #candidates({ domain = "default" }: GenerateRequest): Member[] {
    const names = this.#order.domains.get(domain) ?? this.#order.default;
    const members = names.flatMap((name) => this.#members.get(name) ?? []);
    const ready = members.filter(({ isReady }) => isReady());
    return [...ready, ...members.filter((member) => !ready.includes(member))];
  }
}

const OF_THE_ENGINE = /^(queue-|engine-|remote-)/;

/** Whether another engine may do better, rather than the request being at fault. */
const isOfTheEngine = (error: unknown): error is PatchbayError =>
  error instanceof PatchbayError && OF_THE_ENGINE.test(error.code);
