import { Counter, Histogram, type Registry } from "prom-client";
import type { TurnEnding, TurnRecord } from "../../chat/index.ts";
import { finishOf } from "../finish.ts";
import { phasesOf } from "../phases.ts";
import { routeBuckets, tokenBuckets, waitBuckets } from "./buckets.ts";

/** A label of a turn that did not get as far as having one. */
const NONE = "none";

/**
 * What turns add up to. Labels take few values: ids of adapters that are or were plugged in, names from the engines file,
 * ways to end, error codes.
 */
export class TurnMetrics {
  readonly #turns;
  readonly #errors;
  readonly #promptTokens;
  readonly #cachedTokens;
  readonly #completionTokens;
  readonly #cost;
  readonly #votes;
  readonly #duration;
  readonly #firstToken;
  readonly #perToken;
  readonly #phases;

  constructor(register: Registry) {
    const registers = [register];
    const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
      new Counter({ name, help, labelNames, registers });
    const histogram = <Label extends string>(
      name: string,
      help: string,
      buckets: number[],
      ...labelNames: Label[]
    ) => new Histogram({ name, help, buckets, labelNames, registers });
    const who = ["expert", "engine"] as const;

    this.#turns = counter("patchbay_turns_total", "Turns that have ended", ...who, "finish");
    this.#errors = counter("patchbay_turn_errors_total", "Turns that failed, by error code", "code");
    this.#promptTokens = counter(
      "patchbay_prompt_tokens_total",
      "Tokens of prompts, those found in the KV cache among them",
      ...who,
    );
    this.#cachedTokens = counter(
      "patchbay_cached_prompt_tokens_total",
      "Tokens of prompts that were found in the KV cache",
      ...who,
    );
    this.#completionTokens = counter(
      "patchbay_completion_tokens_total",
      "Tokens of finished answers",
      ...who,
    );
    this.#cost = counter(
      "patchbay_remote_cost_total",
      "Cost of answers from engines elsewhere, in the currency of their prices",
      "engine",
    );
    this.#votes = counter("patchbay_votes_total", "Votes given, and votes changed", "expert", "vote");
    this.#duration = histogram(
      "patchbay_turn_duration_seconds",
      "From the question to the end of its answer",
      waitBuckets,
      ...who,
    );
    this.#firstToken = histogram(
      "patchbay_time_to_first_token_seconds",
      "From the question to the first text of its answer",
      waitBuckets,
      ...who,
    );
    this.#perToken = histogram(
      "patchbay_time_per_output_token_seconds",
      "Mean time from one token of an answer to the next",
      tokenBuckets,
      ...who,
    );
    this.#phases = {
      route: histogram(
        "patchbay_route_duration_seconds",
        "From the question to the choice of its expert",
        routeBuckets,
      ),
      queue: histogram(
        "patchbay_queue_wait_seconds",
        "From the choice of the expert until the engine began to read the prompt",
        waitBuckets,
        "engine",
      ),
      prefill: histogram(
        "patchbay_prefill_duration_seconds",
        "Reading the prompt, up to the first token",
        waitBuckets,
        "engine",
      ),
      decode: histogram(
        "patchbay_decode_duration_seconds",
        "From the first token to the end of the answer",
        waitBuckets,
        "engine",
      ),
    };
  }

  count(record: TurnRecord, ending: TurnEnding): void {
    const { times, tokens, cost } = record;
    const engine = record.engine?.name ?? NONE;
    const who = { expert: record.route?.expert.id ?? NONE, engine };
    this.#turns.inc({ ...who, finish: finishOf(ending) });
    if (ending.is === "failed") this.#errors.inc({ code: ending.code });
    this.#promptTokens.inc(who, tokens.prompt);
    this.#cachedTokens.inc(who, tokens.cached);
    this.#completionTokens.inc(who, tokens.completion);
    if (cost !== null) this.#cost.inc({ engine }, cost);
    this.#duration.observe(who, seconds(times.startedAt, times.endedAt));
    if (times.firstTextAt !== null)
      this.#firstToken.observe(who, seconds(times.startedAt, times.firstTextAt));
    for (const { name, from, to, isComplete } of phasesOf(record, ending)) {
      if (!isComplete) continue;
      if (name === "route") this.#phases.route.observe(seconds(from, to));
      else this.#phases[name].observe({ engine }, seconds(from, to));
      if (name === "decode" && tokens.completion > 1)
        this.#perToken.observe(who, seconds(from, to) / (tokens.completion - 1));
    }
  }

  countVote(expert: string, value: 1 | -1): void {
    this.#votes.inc({ expert, vote: value === 1 ? "up" : "down" });
  }
}

const seconds = (from: number, to: number): number => (to - from) / 1000;
