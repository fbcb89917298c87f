import type { Expert } from "../sdk/index.ts";

/** @param train the command that would train a version; null: there is one by now */
export const promptAloneSentence = ({ title }: Expert, train: string | null): string =>
  `${title} has no adapter for the model that runs, so the base model answered under its prompt alone.${
    train === null ? "" : ` Train one with: ${train}`
  }`;
