import { bootstrap95 } from "./bootstrap.ts";
import { type Measured, meanLoss, type RowLoss } from "./measure-side.ts";
import type { EvaluationReport, LossChange, LossReduction, Sides } from "./report.ts";

export function lossReduction({ against, candidate }: Sides<RowLoss[]>): LossReduction {
  const reduction = (indices?: Uint32Array) => 1 - meanLoss(candidate, indices) / meanLoss(against, indices);
  return { reduction: reduction(), ci95: bootstrap95(candidate.length, reduction) };
}

/** NaN where there is no row. */
export const lossChange = (rows: Sides<RowLoss[]>): LossChange => ({
  against: meanLoss(rows.against),
  candidate: meanLoss(rows.candidate),
  ...lossReduction(rows),
});

/** What the candidate's training did to the texts of other fields. */
export function forgetting({
  against,
  candidate,
}: Sides<Pick<Measured, "general" | "otherDomains">>): EvaluationReport["forgetting"] {
  const fields = [...candidate.otherDomains].map(([id, rows]): [string, LossChange] => [
    id,
    lossChange({ against: against.otherDomains.get(id) ?? [], candidate: rows }),
  ]);
  const general =
    candidate.general.length > 0
      ? lossChange({ against: against.general, candidate: candidate.general })
      : null;
  return {
    general: general && -general.reduction,
    otherDomains: Object.fromEntries(fields.map(([id, { reduction }]) => [id, -reduction])),
    losses: { general, otherDomains: Object.fromEntries(fields) },
  };
}
