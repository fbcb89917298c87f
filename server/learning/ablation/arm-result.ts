import { z } from "zod";
import { bootstrap95, type Interval } from "../evaluation/bootstrap.ts";
import { classification, macroF1Gain } from "../evaluation/classification.ts";
import { meanLoss } from "../evaluation/measure-side.ts";

const RowLosses = z.array(z.object({ loss: z.number(), tokens: z.number() }));

/** What an arm came to, row by row, so that arms can be compared in pairs: `adapters/<id>/ablation/<arm>.json`. */
export const ArmResult = z.object({
  arm: z.string(),
  technique: z.string(),
  /** Every hyperparameter and switch; null for the base model. */
  config: z.record(z.string(), z.unknown()).nullable(),
  /** Over config, data, prompt, base and start: the same hash means the same arm. */
  sha256: z.string(),
  tokensTrained: z.number(),
  seconds: z.number(),
  losses: RowLosses,
  general: RowLosses,
  gold: z.array(z.number()),
  labels: z.array(z.number()),
});
export type ArmResult = z.infer<typeof ArmResult>;

export interface Compared {
  loss: number;
  /** Of the loss, as a share of the other arm's; below zero is better. */
  change: { value: number; ci95: Interval };
  macroF1: number;
  f1Gain: { value: number; ci95: Interval };
  general: number;
  generalChange: { value: number; ci95: Interval };
}

/** An arm beside another, over the same rows; NaN where theirs were not the same. */
export function compare(arm: ArmResult, other: ArmResult): Compared {
  const change = (ours: ArmResult["losses"], theirs: ArmResult["losses"]) => {
    // No row of text is kept with a result; rows of equal lengths are taken for the same.
    if (!isSame(ours.map(tokensOf), theirs.map(tokensOf))) return INCOMPARABLE;
    const of = (indices?: Uint32Array) => meanLoss(ours, indices) / meanLoss(theirs, indices) - 1;
    return { value: of(), ci95: bootstrap95(ours.length, of) };
  };
  return {
    loss: meanLoss(arm.losses),
    change: change(arm.losses, other.losses),
    macroF1: classification(arm.gold, arm.labels).macroF1,
    f1Gain: isSame(arm.gold, other.gold)
      ? macroF1Gain(arm.gold, { candidate: arm.labels, against: other.labels })
      : INCOMPARABLE,
    general: meanLoss(arm.general),
    generalChange: change(arm.general, other.general),
  };
}

const INCOMPARABLE: Compared["change"] = { value: Number.NaN, ci95: [Number.NaN, Number.NaN] };
const tokensOf = ({ tokens }: { tokens: number }): number => tokens;
const isSame = (some: readonly number[], others: readonly number[]): boolean =>
  some.length === others.length && some.every((value, index) => value === others[index]);
