/** Hyperparameters of supervised fine-tuning, and which techniques it uses. */
export interface TrainConfig {
  seed: number;
  /** LoRA rank; alpha is the numerator of the scale alpha / rank. */
  rank: number;
  alpha: number;
  learningRate: number;
  epochs: number;
  /** Conversations in a batch. */
  batchSize: number;
  /** null: as many as the epochs make. */
  maxSteps: number | null;
  /** Tokens to train on, prompts included; null: as many as the epochs make. */
  maxTokens: number | null;
  /** What is taught: to answer, or to tell the labels of the adapter's label task as well (multi-task learning). */
  tasks: "answers" | "answers+labels";
  /** Whose conversations are learnt from: the adapter's own, or those of all domains, each under its own prompt. */
  scope: "own" | "all";
  /** Each row to train on comes a second time with another wording of its prompts. */
  augment: boolean;
  /** In which order batches come: by chance, or short rows first (Bengio et al., 2009). */
  curriculum: "shuffled" | "short-first";
  /** Start from this adapter's weights, such as `support` or `support@1`; null: from scratch. */
  from: string | null;
  /**
   * Rows of general conversation beside the domain's, as a share of those: the base model's own answers, learnt again
   * against forgetting (Robins, 1995).
   */
  replay: number;
  /** null: only where it is stopped. */
  checkpointEverySteps: number | null;
  device: "auto" | "cpu" | "cuda";
  /** null: PyTorch's choice. */
  threads: number | null;
}

/** What did best for the shipped experts: half the rows a step and twice the rate learn the same from half the tokens. */
export const defaultTrainConfig: TrainConfig = {
  seed: 1,
  rank: 8,
  alpha: 16,
  learningRate: 2e-3,
  epochs: 1.5,
  batchSize: 4,
  maxSteps: null,
  maxTokens: null,
  tasks: "answers+labels",
  scope: "own",
  augment: false,
  curriculum: "shuffled",
  from: null,
  replay: 0,
  checkpointEverySteps: 50,
  device: "auto",
  threads: null,
};
