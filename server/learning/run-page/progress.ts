import { z } from "zod";
import { TrainerEvent } from "../trainer.ts";

/** The trainer's events, and how the whole run ended. */
const News = z.union([
  TrainerEvent,
  z.object({
    event: z.literal("finished"),
    /** Share of positions at which the served model finds the same token likeliest, and how many there were. */
    sameTop: z.number(),
    tokens: z.number(),
  }),
]);
export type News = z.infer<typeof News>;

/** What a run's folder remembers of it, a JSON line each. */
export const JournalEntry = z.intersection(z.object({ at: z.iso.datetime() }), News);
export type JournalEntry = z.infer<typeof JournalEntry>;

type Step = Extract<TrainerEvent, { event: "step" }>;

/** How far a run is. */
export interface RunProgress {
  phase:
    | { is: "loading" | "measuring the base model" | "training" | "measuring the adapter" }
    | { is: "finished"; sameTop: number; tokens: number }
    | { is: "stopped"; step: number }
    | { is: "failed"; message: string };
  /** Steps that taught answers: the losses of labels, a few tokens each, are of another size. */
  curve: { step: number; loss: number }[];
  /** The newest step; null before the first. */
  latest: Step | null;
  /** Nats per answer token, as far as they are measured. */
  heldOut: { base: number | null; adapter: number | null };
  startedAt: string | null;
  updatedAt: string | null;
}

export const atTheStart: RunProgress = {
  phase: { is: "loading" },
  curve: [],
  latest: null,
  heldOut: { base: null, adapter: null },
  startedAt: null,
  updatedAt: null,
};

export function afterEntry(before: RunProgress, entry: JournalEntry): RunProgress {
  const progress = { ...before, startedAt: before.startedAt ?? entry.at, updatedAt: entry.at };
  switch (entry.event) {
    case "loading":
      return { ...progress, phase: { is: "loading" } };
    case "loaded":
      return { ...progress, phase: { is: "measuring the base model" } };
    case "evaluated":
      return {
        ...progress,
        phase: { is: entry.which === "base" ? "training" : "measuring the adapter" },
        heldOut: { ...before.heldOut, [entry.which]: entry.loss },
      };
    case "step":
      return {
        ...progress,
        phase: { is: entry.step < entry.steps ? "training" : "measuring the adapter" },
        // Where a run goes on, the steps after its checkpoint were lost and come again.
        curve: [
          ...before.curve.filter(({ step }) => step < entry.step),
          ...(entry.task === "answer" ? [{ step: entry.step, loss: entry.loss }] : []),
        ],
        latest: entry,
      };
    case "resumed":
    case "parity-reference":
    case "saved":
      return progress;
    case "finished":
      return { ...progress, phase: { is: "finished", sameTop: entry.sameTop, tokens: entry.tokens } };
    case "stopped":
      return { ...progress, phase: { is: "stopped", step: entry.step ?? 0 } };
    case "failed":
      return { ...progress, phase: { is: "failed", message: entry.message } };
    default:
      return entry satisfies never;
  }
}
