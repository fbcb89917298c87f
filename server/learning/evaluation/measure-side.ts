import { type AdapterFile, type Scorer, type TokenScore, withScorer } from "../../engines/index.ts";
import type { Conversation } from "../dataset.ts";
import { firstTurns, type LabelTask, labelPrompt } from "../label-task.ts";

/** Conversations and the system prompt they are read under. */
export interface Texts {
  systemPrompt: string;
  rows: Conversation[];
}

export interface Measured {
  /** Of each row's answers: the sum of their tokens' losses in nats, and how many tokens. */
  losses: RowLoss[];
  /** The label chosen for each row that has one, as an index; empty without a label task. */
  labels: number[];
  general: RowLoss[];
  otherDomains: Map<string, RowLoss[]>;
}

export interface RowLoss {
  loss: number;
  tokens: number;
}

export interface ToMeasure {
  own: Texts;
  labelTask: LabelTask | null;
  general: Texts;
  otherDomains: Map<string, Texts>;
}

/**
 * Teacher-forced losses and labels of one side of a comparison, through the model as it is served.
 * @param onProgress share done, from 0 to 1
 */
export function measureSide(
  modelPath: string,
  adapter: AdapterFile | null,
  { own, labelTask, general, otherDomains }: ToMeasure,
  onProgress: (share: number) => void,
): Promise<Measured> {
  const labelled = labelTask ? firstTurns(labelTask, own.rows) : [];
  const others = [...otherDomains.values()].reduce((sum, { rows }) => sum + rows.length, 0);
  const total = own.rows.length + labelled.length + general.rows.length + others;
  let done = 0;
  const step = <T>(value: T): T => {
    done += 1;
    onProgress(done / total);
    return value;
  };
  return withScorer(modelPath, adapter, async (scorer) => {
    const losses = (texts: Texts) =>
      inTurn(texts.rows, async (row) => step(await lossOf(scorer, texts.systemPrompt, row)));
    const measured: Measured = {
      losses: await losses(own),
      labels: [],
      general: [],
      otherDomains: new Map(),
    };
    if (labelTask)
      measured.labels = await inTurn(labelled, async ({ text }) =>
        step(await scorer.choose(labelPrompt(labelTask, text), labelTask.labels)),
      );
    measured.general = await losses(general);
    for (const [id, texts] of otherDomains) measured.otherDomains.set(id, await losses(texts));
    return measured;
  });
}

/** Teacher-forced losses of one adapter's answers to these rows. @param onProgress share done, from 0 to 1 */
export const measureLosses = (
  modelPath: string,
  adapter: AdapterFile,
  { systemPrompt, rows }: Texts,
  onProgress: (share: number) => void,
): Promise<RowLoss[]> =>
  withScorer(modelPath, adapter, (scorer) =>
    inTurn(rows, async (row, index) => {
      const loss = await lossOf(scorer, systemPrompt, row);
      onProgress((index + 1) / rows.length);
      return loss;
    }),
  );

async function lossOf(scorer: Scorer, systemPrompt: string, row: Conversation): Promise<RowLoss> {
  return summed(await scorer.answers([{ role: "system", content: systemPrompt }, ...row.messages]));
}

export const summed = (scores: readonly TokenScore[]): RowLoss => ({
  loss: -scores.reduce((sum, { logProbability }) => sum + logProbability, 0),
  tokens: scores.length,
});

/** Loss a token over these rows, every token weighing alike. */
export function meanLoss(rows: readonly RowLoss[], indices?: Uint32Array): number {
  let [loss, tokens] = [0, 0];
  const add = (row: RowLoss | undefined) => {
    loss += row?.loss ?? 0;
    tokens += row?.tokens ?? 0;
  };
  if (indices) for (const index of indices) add(rows[index]);
  else rows.forEach(add);
  return loss / tokens;
}

export async function inTurn<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) results.push(await work(item, index));
  return results;
}
