import type { AdapterFile } from "../../engines/index.ts";
import { defaultTrainConfig, type TrainConfig } from "../train-config.ts";

/** One training of an ablation. */
export interface Arm {
  name: string;
  /** What it differs in from the control, for people. */
  technique: string;
  config: TrainConfig;
  /** Of the file that it starts from, whose name alone may come to mean another one; null: from scratch. */
  startSha256: string | null;
}

export interface Budget {
  /** Training tokens of each arm, prompts included. */
  tokens: number;
  seed: number;
}

export const LEARNING_RATES = [1e-4, 2e-4, 5e-4, 1e-3] as const;

/** More epochs than any budget holds: the tokens end each arm. */
const EPOCHS = 100;
/** At the rates of the sweep; with four, twice the highest of them does better. */
const BATCH_SIZE = 8;

const configFor = ({ tokens, seed }: Budget): TrainConfig => ({
  ...defaultTrainConfig,
  seed,
  epochs: EPOCHS,
  batchSize: BATCH_SIZE,
  maxTokens: tokens,
  tasks: "answers",
});

const rateName = (rate: number): string => `lr-${rate.toExponential()}`;

/** The sweep of learning rates, answers alone, nothing else switched on. Its best arm is the control of the others. */
export const sweep = (budget: Budget): Arm[] =>
  LEARNING_RATES.map((learningRate) => ({
    name: rateName(learningRate),
    technique: `learning rate ${learningRate.toExponential()}`,
    config: { ...configFor(budget), learningRate },
    startSha256: null,
  }));

/** One arm for each technique, all else as in the control. @param neighbour adapter to transfer from; null: there is none */
export function techniques(
  budget: Budget,
  learningRate: number,
  neighbour: Pick<AdapterFile, "version" | "sha256"> | null,
): Arm[] {
  const control = { ...configFor(budget), learningRate };
  const arm = (name: string, technique: string, change: Partial<TrainConfig>): Arm => ({
    name,
    technique,
    config: { ...control, ...change },
    startSha256: null,
  });
  const transfer = ({ version, sha256 }: NonNullable<typeof neighbour>): Arm => ({
    ...arm("transfer", `from ${version}`, { from: version }),
    startSha256: sha256,
  });
  return [
    arm("augment", "every row again in another wording", { augment: true }),
    arm("short-first", "short rows first", { curriculum: "short-first" }),
    arm("multi-task", "labels beside answers", { tasks: "answers+labels" }),
    arm("all-domains", "one adapter over all domains", { scope: "all" }),
    ...(neighbour === null ? [] : [transfer(neighbour)]),
    arm("replay", "a fifth as many of the base model's own answers", { replay: 0.2 }),
  ];
}
