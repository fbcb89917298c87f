import type { Token } from "node-llama-cpp";
import type { AdapterFile } from "../engine.ts";
import type { Slot } from "./context-pool.ts";

/**
 * Something that needs a sequence for a while. It decides nothing about when it runs: the step loop calls, one call at a
 * time, and between two calls it can be ended.
 */
export interface Work {
  readonly id: number;
  /** Key of its context: base and adapter hash. */
  readonly group: string;
  readonly adapter: AdapterFile | null;
  readonly user: string;
  /** Runs only while nobody waits. */
  readonly background: boolean;
  /** The whole prompt. */
  readonly tokens: Token[];
  readonly done: boolean;
  readonly slot: Slot | null;
  /** Takes a sequence that already holds the start of its prompt. Returns how many prompt tokens are left to read. */
  begin(slot: Slot): number;
  /** Reads up to so many tokens of the prompt and, with the last of them, draws the first token; later one token a call. */
  step(promptTokens: number): Promise<void>;
  /** `ahead` others will start before it. */
  queued(ahead: number): void;
  /** Somebody ended it. */
  stop(): Promise<void>;
  fail(error: unknown): void;
}
