import type { TurnEnding, TurnRecord } from "../chat/index.ts";

/** Parts of a turn, one after the other. */
export type PhaseName = "route" | "queue" | "prefill" | "decode";

export interface Phase {
  name: PhaseName;
  /** performance.now() in ms. */
  from: number;
  to: number;
  /** Whether it came to its own end, and not to that of a turn that was stopped or failed in it. */
  isComplete: boolean;
}

/**
 * The phases that a turn reached. `queue` is all that lies between the choice of the expert and the first look at the
 * prompt: the wait for a sequence, and engines that were tried before the one that answered.
 */
export function phasesOf({ times }: TurnRecord, ending: TurnEnding): Phase[] {
  const ends: [PhaseName, number | null][] = [
    ["route", times.routedAt],
    ["queue", times.prefillAt],
    ["prefill", times.decodeAt],
    ["decode", ending.is === "finished" ? times.endedAt : null],
  ];
  const phases: Phase[] = [];
  let from = times.startedAt;
  for (const [name, end] of ends) {
    phases.push({ name, from, to: end ?? times.endedAt, isComplete: end !== null });
    if (end === null) break;
    from = end;
  }
  return phases;
}
