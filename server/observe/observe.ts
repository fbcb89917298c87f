import type { ObservedTurn, TurnObserver, TurnWatch } from "../chat/index.ts";
import type { Log } from "./log.ts";
import { Metrics } from "./metrics/metrics.ts";
import type { ServerState } from "./metrics/state-metrics.ts";
import type { Tracing } from "./traces/otlp-export.ts";
import { startTracing } from "./traces/tracing.ts";
import { TurnTracer } from "./traces/turn-tracer.ts";

export interface ObserveOptions {
  log: Log;
  /** Where spans are sent; null: nowhere of ours. */
  tracesUrl: string | null;
  /** Whether traces may hold what was said. */
  showsText: boolean;
}

/** Everything that watches: each turn is counted, traced and written down. */
export class Observe implements TurnObserver {
  readonly #metrics = new Metrics();
  readonly #log: Log;
  readonly #tracing: Tracing;
  readonly #tracer: TurnTracer;

  static async start({ log, tracesUrl, showsText }: ObserveOptions): Promise<Observe> {
    const tracing = await startTracing(tracesUrl, log.line);
    return new Observe(log, tracing, new TurnTracer(tracing.tracer, showsText));
  }

  private constructor(log: Log, tracing: Tracing, tracer: TurnTracer) {
    this.#log = log;
    this.#tracing = tracing;
    this.#tracer = tracer;
  }

  begin(turn: ObservedTurn): TurnWatch {
    const traced = this.#tracer.begin(turn);
    return {
      trace: traced.headers,
      end: (record, ending) => {
        this.#metrics.turn(record, ending);
        traced.end(record, ending);
        this.#log.turn(turn, record, ending, traced.traceId);
      },
    };
  }

  /** Somebody has judged an answer of this expert. */
  vote(expertId: string, value: 1 | -1): void {
    this.#metrics.vote(expertId, value);
  }

  /** For Prometheus, with the state of this moment. */
  metrics(state: ServerState): Promise<{ contentType: string; text: string }> {
    return this.#metrics.text(state);
  }

  close(): Promise<void> {
    return this.#tracing.close();
  }
}
