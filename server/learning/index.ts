export { type Conversation, readConversations, readDataset } from "./dataset.ts";
export { pythonEnvironment } from "./python-environment.ts";
export { defaultTrainConfig, type TrainConfig, trainAdapter, writeRunFolder } from "./train-adapter.ts";
export type { TrainerEvent } from "./trainer.ts";
export { type TrainingRow, trainingRow } from "./training-rows.ts";
