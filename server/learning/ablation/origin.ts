import { createHash } from "node:crypto";
import type { BaseModel } from "../../models/index.ts";
import { runRows } from "../run-rows.ts";
import { defaultTrainConfig } from "../train-config.ts";
import type { Arm } from "./arms.ts";

export interface Place {
  /** The adapter's folder. */
  folder: string;
  promptsDir: string;
  base: BaseModel;
}

/** An arm, or the base model: it has no config. */
export type ArmOrBase = Pick<Arm, "name" | "technique" | "startSha256"> & { config: Arm["config"] | null };

/** What a result comes from, beside its config. */
export interface Origin {
  base: { name: string; sha256: string };
  dataSha256: string;
  promptSha256: string;
  /** Of the adapter's file that the arm starts from; null: from scratch. */
  startSha256: string | null;
}

export function originOf({ config, startSha256 }: ArmOrBase, { folder, promptsDir, base }: Place): Origin {
  // Labels and other domains' conversations are of consequence to those alone who learn from them.
  const plain = { ...defaultTrainConfig, tasks: "answers" } as const;
  const { dataSha256, promptSha256 } = runRows(folder, promptsDir, config ?? plain, []);
  return { base: { name: base.name, sha256: base.sha256 }, dataSha256, promptSha256, startSha256 };
}

/** The same hash means the same arm. */
export function hashOf(arm: ArmOrBase, place: Place): string {
  const { base, dataSha256, promptSha256, startSha256 } = originOf(arm, place);
  const start = startSha256 === null ? [] : [startSha256];
  return createHash("sha256")
    .update(JSON.stringify([arm.config, base.sha256, dataSha256, promptSha256, ...start]))
    .digest("hex");
}
