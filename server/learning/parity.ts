import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { type AdapterFile, withScorer } from "../engines/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { inTurn } from "./evaluation/measure-side.ts";
import { parityRows, type RunRows } from "./run-rows.ts";

/** What the trainer computed in 32-bit floats with the adapter's file, a line for each row. */
const Reference = z.object({
  id: z.string(),
  tokens: z.array(z.number()),
  logProbabilities: z.array(z.number()),
  top: z.array(z.number()),
});

export interface Parity {
  rows: number;
  tokens: number;
  /** Share of positions with the same likeliest token. */
  sameTop: number;
  /** Mean of the absolute difference of log-probabilities, in nats. */
  meanDifference: number;
}

/**
 * The served model rounds activations to 8 bits, so close calls may turn; a forgotten permutation or scale turns nearly
 * everything.
 */
const LEAST_SAME_TOP = 0.95;

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
  let [tokens, same, difference] = [0, 0, 0];
  for (const [index, { id, tokens: wanted, logProbabilities, top }] of references.entries()) {
    const scores = served[index] ?? [];
    if (scores.length !== wanted.length || scores.some(({ token }, at) => token !== wanted[at]))
      throw new PatchbayError(
        "training-failed",
        `Row ${id} has other tokens in the served model than in training.`,
      );
    scores.forEach((score, at) => {
      tokens += 1;
      if (score.top === top[at]) same += 1;
      difference += Math.abs(score.logProbability - (logProbabilities[at] ?? Number.NaN));
    });
  }
  const parity = {
    rows: references.length,
    tokens,
    sameTop: same / tokens,
    meanDifference: difference / tokens,
  };
  if (!(parity.sameTop >= LEAST_SAME_TOP))
    throw new PatchbayError(
      "training-failed",
      `The served model parts from the trained one: the same likeliest token on ${(parity.sameTop * 100).toFixed(1)}% of ${tokens} positions only.`,
      { hint: "Its layout is not that of this architecture. Please report it.", details: parity },
    );
  return parity;
}
