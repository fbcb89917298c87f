import type { ChatMessage, Sampling } from "../engines/index.ts";
import type { Decision, ErrorCode, Expert, TokenCounts, TraceHeaders } from "../protocol/index.ts";

/** Sees turns go by: counts them, traces them, writes them down. Whatever it does, it neither waits nor throws. */
export interface TurnObserver {
  begin(turn: ObservedTurn): TurnWatch;
}

/** What is known when a question comes in. */
export interface ObservedTurn {
  conversationId: string;
  generationId: string;
  /** An adapter's id, one of its versions, `base`, or `auto`. */
  requested: string;
  /** performance.now() when the question came in. */
  startedAt: number;
  /** The caller's trace, where the caller has one. */
  trace?: TraceHeaders;
}

export interface TurnWatch {
  /** What servers elsewhere are told of this turn's trace; null where there is none. */
  readonly trace: TraceHeaders | null;
  /** Called once, with all that has become known. */
  end(record: TurnRecord, ending: TurnEnding): void;
}

export type TurnEnding =
  | { is: "finished"; reason: "stop" | "length" | "stopped" }
  | { is: "failed"; code: ErrorCode };

/** A turn as far as it got. */
export interface TurnRecord {
  /** Who answers, and what is asked of them; null until that is known. */
  route: {
    decision: Decision;
    /** Once a model elsewhere has begun: as it answers. */
    expert: Expert;
    messages: readonly ChatMessage[];
    sampling: Sampling;
    seed: number;
  } | null;
  /** The engine that began to answer (`local`, or its name in the engines file) and its model. */
  engine: { name: string; model: string } | null;
  /** Of the answer 0 until it is finished. */
  tokens: TokenCounts;
  droppedTurns: number;
  /** In the currency of the engine's price. */
  cost: number | null;
  /** The answer. */
  text: string;
  times: TurnTimes;
}

/** performance.now() at each step, in their order; null for those that were not reached. */
export interface TurnTimes {
  /** The question came in. */
  startedAt: number;
  /** The expert was chosen. */
  routedAt: number | null;
  /** The engine began to read the prompt. */
  prefillAt: number | null;
  /** The prompt was read. */
  decodeAt: number | null;
  /** The first text was there to be seen. */
  firstTextAt: number | null;
  endedAt: number;
}

export const newRecord = (startedAt: number): TurnRecord => ({
  route: null,
  engine: null,
  tokens: { prompt: 0, cached: 0, completion: 0 },
  droppedTurns: 0,
  cost: null,
  text: "",
  times: {
    startedAt,
    routedAt: null,
    prefillAt: null,
    decodeAt: null,
    firstTextAt: null,
    endedAt: startedAt,
  },
});
