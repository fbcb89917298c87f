import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { type AdapterFile, type TokenScore, withScorer } from "../engines/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { inTurn } from "./evaluation/measure-side.ts";
import { parityRows, type RunRows } from "./run-rows.ts";

/** What the trainer computed in 32-bit floats with the adapter's file, a line for each row. */
const Reference = z.object({
  id: z.string(),
  tokens: z.array(z.number()),
  logProbabilities: z.array(z.number()),
  top: z.array(z.number()),
  /** Of the likeliest token over the next one, in nats. */
  lead: z.array(z.number()),
});
type Reference = z.infer<typeof Reference>;

export interface Parity {
  rows: number;
  tokens: number;
  /** Share of positions with the same likeliest token. */
  sameTop: number;
  /** The same among the positions at which the trained model's likeliest token leads by {@link CLEAR_LEAD}; 1: there is none. */
  sameClearTop: number;
  clearTokens: number;
  /** Mean of the absolute difference of log-probabilities, in nats. */
  meanDifference: number;
}

/*
 * The served model rounds activations to 8 bits, which turns close calls: in right adapters 2 to 8% of positions had
 * another likeliest token, and none where the same base (Gemma 3, 3%) was served as 32-bit floats. How many calls are
 * close depends on rows and base, so the share of all positions says little. Measured: right adapters keep every clear lead
 * and part by 0.03 to 0.07 nats in the mean; twice the scale turns 6 to 17% of the clear leads; a forgotten permutation in
 * a trained adapter turns 0.5% of them, and parts by 0.12 nats.
 */
const CLEAR_LEAD = 0.5;
const LEAST_SAME_CLEAR_TOP = 0.98;
/** In nats. */
const MOST_MEAN_DIFFERENCE = 0.1;

/**
 * Compares PyTorch with the served model on held-out answers, teacher forced.
 * @throws {PatchbayError} `training-failed` where they part
 */
export async function checkParity(
  modelPath: string,
  adapter: AdapterFile,
  runFolder: string,
  heldOut: RunRows["heldOut"],
): Promise<Parity> {
  const lines = fs.readFileSync(path.join(runFolder, "parity-reference.jsonl"), "utf8").trim().split("\n");
  const references = lines.map((line) => Reference.parse(JSON.parse(line)));
  const rows = parityRows(heldOut.rows);
  const served = await withScorer(modelPath, adapter, (scorer) =>
    inTurn(rows, ({ messages }) =>
      scorer.answers([{ role: "system", content: heldOut.systemPrompt }, ...messages]),
    ),
  );
  const parity = compareScores(references, served);
  if (!agrees(parity))
    throw new PatchbayError(
      "training-failed",
      `The served model parts from the trained one: the same likeliest token on ${(parity.sameClearTop * 100).toFixed(1)}% of the ${parity.clearTokens} positions with a clear lead, log-probabilities ${parity.meanDifference.toFixed(3)} apart in the mean.`,
      { hint: "Its layout is not that of this architecture. Please report it.", details: parity },
    );
  return parity;
}

/** Whether such figures come of rounding alone. */
export const agrees = ({ sameClearTop, meanDifference }: Pick<Parity, "sameClearTop" | "meanDifference">) =>
  sameClearTop >= LEAST_SAME_CLEAR_TOP && meanDifference <= MOST_MEAN_DIFFERENCE;

/**
 * @param served scores of the same rows' answers, in the references' order
 * @throws {PatchbayError} `training-failed` where a row has other tokens
 */
export function compareScores(
  references: readonly Reference[],
  served: readonly (readonly TokenScore[])[],
): Parity {
  let [tokens, same, clear, sameClear, difference] = [0, 0, 0, 0, 0];
  for (const [index, { id, tokens: wanted, logProbabilities, top, lead }] of references.entries()) {
    const scores = served[index] ?? [];
    if (scores.length !== wanted.length || scores.some(({ token }, at) => token !== wanted[at]))
      throw new PatchbayError(
        "training-failed",
        `Row ${id} has other tokens in the served model than in training.`,
      );
    scores.forEach((score, at) => {
      const isSame = score.top === top[at] ? 1 : 0;
      const isClear = (lead[at] ?? 0) >= CLEAR_LEAD ? 1 : 0;
      tokens += 1;
      same += isSame;
      clear += isClear;
      sameClear += isSame * isClear;
      difference += Math.abs(score.logProbability - (logProbabilities[at] ?? Number.NaN));
    });
  }
  return {
    rows: references.length,
    tokens,
    sameTop: same / tokens,
    sameClearTop: clear === 0 ? 1 : sameClear / clear,
    clearTokens: clear,
    meanDifference: difference / tokens,
  };
}
