import { defaultTrainConfig, type TrainConfig } from "../train-config.ts";

/** One training of an ablation. */
export interface Arm {
  name: string;
  /** What it differs in from the control, for people. */
  technique: string;
  config: TrainConfig;
}

export interface Budget {
  /** Training tokens of each arm, prompts included. */
  tokens: number;
  seed: number;
}

export const LEARNING_RATES = [1e-4, 2e-4, 5e-4, 1e-3] as const;

/** More epochs than any budget holds: the tokens end each arm. */
const EPOCHS = 100;

const configFor = ({ tokens, seed }: Budget): TrainConfig => ({
  ...defaultTrainConfig,
  seed,
  epochs: EPOCHS,
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
  }));

/** One arm for each technique, all else as in the control. @param neighbour adapter to transfer from; null: there is none */
export function techniques(budget: Budget, learningRate: number, neighbour: string | null): Arm[] {
  const control = { ...configFor(budget), learningRate };
  const arm = (name: string, technique: string, change: Partial<TrainConfig>): Arm => ({
    name,
    technique,
    config: { ...control, ...change },
  });
  return [
    arm("augment", "every row again in another wording", { augment: true }),
    arm("short-first", "short rows first", { curriculum: "short-first" }),
    arm("multi-task", "labels beside answers", { tasks: "answers+labels" }),
    arm("all-domains", "one adapter over all domains", { scope: "all" }),
    ...(neighbour === null ? [] : [arm("transfer", `from ${neighbour}`, { from: neighbour })]),
    arm("replay", "a fifth as many of the base model's own answers", { replay: 0.2 }),
  ];
}
