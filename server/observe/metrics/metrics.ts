import { Registry } from "prom-client";
import type { TurnEnding, TurnRecord } from "../../chat/index.ts";
import { ProcessMetrics } from "./process-metrics.ts";
import { type ServerState, StateMetrics } from "./state-metrics.ts";
import { TurnMetrics } from "./turn-metrics.ts";

/** All figures of one server, for Prometheus. */
export class Metrics {
  readonly #register = new Registry();
  readonly #turns = new TurnMetrics(this.#register);
  readonly #state = new StateMetrics(this.#register);
  readonly #process = new ProcessMetrics(this.#register);

  turn(record: TurnRecord, ending: TurnEnding): void {
    this.#turns.count(record, ending);
  }

  vote(expertId: string, value: 1 | -1): void {
    this.#turns.countVote(expertId, value);
  }

  /** The text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
  async text(state: ServerState): Promise<{ contentType: string; text: string }> {
    this.#state.show(state);
    this.#process.show();
    return { contentType: this.#register.contentType, text: await this.#register.metrics() };
  }
}
