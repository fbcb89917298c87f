import { createHash } from "node:crypto";
import { z } from "zod";
import type { generationForSnapshot } from "../../db/index.ts";
import { Decision, Expert } from "../protocol/index.ts";

/** What somebody saw when they voted, and all it was made from: enough to make the same answer again. */
export const Snapshot = z.object({
  generationId: z.string(),
  expert: Expert,
  /** `sha256` is null for a model elsewhere. */
  base: z.object({ name: z.string(), sha256: z.string().nullable() }),
  promptSha256: z.string(),
  /** The exact messages that the model read, system prompt first, without turns that did not fit. */
  messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })),
  answer: z.string(),
  status: z.string(),
  decision: Decision.omit({ evidence: true, alternative: true, heard: true }),
  sampling: z.record(z.string(), z.number()),
  seed: z.number(),
});
export type Snapshot = z.infer<typeof Snapshot>;

type GenerationRow = NonNullable<Awaited<ReturnType<typeof generationForSnapshot>>>;

/** @returns null where the answer never got as far as a prompt: there is nothing to judge. */
export function buildSnapshot(row: GenerationRow): Snapshot | null {
  if (!row.expert_json || !row.prompt_json || row.text === "") return null;
  return Snapshot.parse({
    generationId: row.id,
    expert: JSON.parse(row.expert_json),
    base: { name: row.base_name, sha256: row.base_sha256 },
    promptSha256: row.prompt_sha256,
    messages: JSON.parse(row.prompt_json),
    answer: row.text,
    status: row.status,
    decision: {
      domain: row.domain,
      confidence: row.confidence,
      runnerUp:
        row.runner_up === null ? null : { domain: row.runner_up, confidence: row.runner_up_confidence },
      reason: row.reason,
      head: row.head,
      pinned: row.pinned === 1,
    },
    sampling: JSON.parse(row.sampling_json ?? "{}"),
    seed: row.seed,
  });
}

export const hashOf = (payloadJson: string): string => createHash("sha256").update(payloadJson).digest("hex");
