import { type ChatMessage, type Scorer, withScorer } from "../../engines/index.ts";
import { bootstrap95 } from "./bootstrap.ts";
import { inTurn, meanLoss, type RowLoss, summed } from "./measure-side.ts";
import type { EvaluationReport, ShareChange, Sides } from "./report.ts";

/** A generated answer and the messages that it answers, system prompt first. */
export interface Answered {
  messages: ChatMessage[];
  answer: string;
}

export interface Judgement {
  /** Loss a token of the answers under the base model, in nats. */
  loss: number;
  /** Of each answer: 1 where it is likelier after its own question than after three others', else 0. */
  relevance: number[];
  /** The same with other rows' earlier turns in place of their own, of the answers that have any. */
  earlierTurns: number[];
}

const OTHERS = 3;

/**
 * What the base model makes of answers. Relevance is asked as a choice, since a likelihood alone says as much about how
 * plain an answer is as about its question: an answer that fits any question is no likelier after its own.
 */
export function judgeAnswers(modelPath: string, sides: readonly Answered[][]): Promise<Judgement[]> {
  return withScorer(modelPath, null, (scorer) => inTurn(sides, (answered) => judge(scorer, answered)));
}

async function judge(scorer: Scorer, answered: Answered[]): Promise<Judgement> {
  const lossAfter = async (messages: ChatMessage[], answer: string): Promise<RowLoss> =>
    summed(await scorer.answers([...messages, { role: "assistant", content: answer }], "last"));
  const own = await inTurn(answered, ({ messages, answer }) => lossAfter(messages, answer));
  const wins = (replace: (row: Answered, other: Answered) => ChatMessage[], rows: readonly number[]) =>
    inTurn(rows, async (index, place) => {
      const row = answered[index] as Answered;
      for (let k = 1; k <= Math.min(OTHERS, rows.length - 1); k++) {
        const other = answered[rows[(place + k) % rows.length] ?? 0] as Answered;
        const elsewhere = await lossAfter(replace(row, other), row.answer);
        if (elsewhere.loss <= (own[index]?.loss ?? Number.NaN)) return 0;
      }
      return 1;
    });
  const all = answered.map((_, index) => index);
  const long = all.filter((index) => (answered[index]?.messages.length ?? 0) > 2);
  const relevance = await wins(
    (row, other) => [...row.messages.slice(0, -1), ...other.messages.slice(-1)],
    all,
  );
  const earlierTurns = await wins(
    (row, other) => [...row.messages.slice(0, 1), ...other.messages.slice(1, -1), ...row.messages.slice(-1)],
    long,
  );
  return { loss: meanLoss(own), relevance, earlierTurns };
}

/** How many answers fit their own rows on each side, which have the same rows. */
export function coherence({ against, candidate }: Sides<Judgement>): EvaluationReport["coherence"] {
  // One row alone has no other to be told from.
  const hasEarlierTurns = candidate.earlierTurns.length > 1;
  return {
    relevance: shareChange({ against: against.relevance, candidate: candidate.relevance }),
    earlierTurns: hasEarlierTurns
      ? shareChange({ against: against.earlierTurns, candidate: candidate.earlierTurns })
      : null,
  };
}

function shareChange({ against, candidate }: Sides<number[]>): ShareChange {
  const gains = candidate.map((win, row) => win - (against[row] ?? Number.NaN));
  const gain = (rows: Uint32Array) => rows.reduce((sum, row) => sum + (gains[row] ?? 0), 0) / rows.length;
  return { against: mean(against), candidate: mean(candidate), ci95: bootstrap95(gains.length, gain) };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
