import type { Interval } from "./bootstrap.ts";
import type { Classification } from "./classification.ts";

/** Something of both sides: what is compared against, and the candidate. */
export interface Sides<T> {
  against: T;
  candidate: T;
}

export interface LabelReport extends Sides<Classification> {
  /** How much the candidate's macro-F1 is above the other side's. */
  macroF1Gain: { value: number; ci95: Interval };
  labels: string[];
  /** The candidate's: gold label first, then the one that was given. */
  confusion: number[][];
}

/** 1 - candidate's loss / the other one's: above zero where the candidate is better. */
export interface LossReduction {
  reduction: number;
  ci95: Interval;
}

export type LossChange = Sides<number> & LossReduction;

/** A share on both sides, and the interval of candidate - against, which reports from before it was measured lack. */
export interface ShareChange extends Sides<number> {
  ci95?: Interval;
}

export interface WrongExpert extends LossReduction {
  version: string;
  loss: number;
}

export interface Sample extends Sides<string> {
  prompt: string;
  reference: string;
}

/** What `adapters eval` finds; the contract of its JSON. Shares are fractions from 0 to 1, losses nats a token. */
export interface EvaluationReport {
  id: string;
  candidate: string;
  /** `base`, or another version. */
  against: string;
  base: { name: string; sha256: string };
  rows: number;
  /** Of answer tokens, teacher forced, over all held-out rows. */
  loss: LossChange;
  perplexity: Sides<number>;
  /** The other domains' adapters on the same conversations under the same prompt. */
  wrongExperts: WrongExpert[];
  /** null: no gold labels. */
  label: LabelReport | null;
  /** By how much the candidate's loss is above the other side's, as a share of it. */
  forgetting: {
    general: number | null;
    otherDomains: Record<string, number>;
    /** The losses themselves, with intervals; reports from before they were kept lack them. */
    losses?: { general: LossChange | null; otherDomains: Record<string, LossChange> };
  };
  fluency: { lossUnderBase: Sides<number>; repetition: Sides<number> };
  /**
   * Share of answers that the base model finds likelier after their own question, or their own earlier turns, than after
   * those of three other rows: 0.25 is chance. null: no row has several turns.
   */
  coherence: { relevance: ShareChange; earlierTurns: ShareChange | null };
  engagement: { words: Sides<number>; questionsBack: Sides<number>; distinct2: Sides<number> };
  samples: Sample[];
  evaluatedAt: string;
}
