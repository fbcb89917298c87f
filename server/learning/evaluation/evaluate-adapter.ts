import fs from "node:fs";
import path from "node:path";
import type { AdapterFile, ChatMessage, Engine } from "../../engines/index.ts";
import type { BaseModel } from "../../models/index.ts";
import { PatchbayError } from "../../protocol/index.ts";
import { adapterFolders, readManifest, readPrompt } from "../../registry/index.ts";
import { type Conversation, readConversations } from "../dataset.ts";
import { goldLabels, type LabelTask } from "../label-task.ts";
import { bootstrap95 } from "./bootstrap.ts";
import { classification, confusionMatrix, macroF1Gain } from "./classification.ts";
import { generateAnswers } from "./generate-answers.ts";
import { type Answered, type Judgement, judgeAnswers } from "./judge-answers.ts";
import {
  inTurn,
  type Measured,
  meanLoss,
  measureLosses,
  measureSide,
  type RowLoss,
  type Texts,
  type ToMeasure,
} from "./measure-side.ts";
import type { EvaluationReport, LabelReport, LossReduction, Sides } from "./report.ts";
import { asksBack, distinct2, repetition, wordCount } from "./text-measures.ts";

/** Rows of each other domain, and rows that are answered anew: enough for a direction, few enough to wait for. */
const ROWS_OF_OTHERS = 40;
const ANSWERED_ROWS = 24;
const SHOWN_ANSWERS = 10;

export interface EvaluateOptions {
  /** The adapter's folder. */
  folder: string;
  promptsDir: string;
  base: BaseModel;
  candidate: AdapterFile;
  /** null: the base model alone. */
  against: AdapterFile | null;
  /** The versions that serve the other domains. */
  wrongExperts: AdapterFile[];
  /** Rows to measure on instead of the folder's held-out ones. */
  rows: Conversation[] | null;
  /** Started when it is needed. */
  engine: () => Promise<Engine>;
  onProgress: (step: string, share: number | null) => void;
}

/** Measures a version on held-out rows against the base model or another version, both under the same prompts. */
export async function evaluateAdapter(options: EvaluateOptions): Promise<EvaluationReport> {
  const { folder, base, candidate, against, onProgress } = options;
  const manifest = readManifest(folder);
  const toMeasure = textsFor(options);
  const { own, labelTask } = toMeasure;
  const nameOf = (adapter: AdapterFile | null) => adapter?.version ?? "base";
  const measure = (adapter: AdapterFile | null) =>
    measureSide(base.path, adapter, toMeasure, (share) => onProgress(`measuring ${nameOf(adapter)}`, share));
  const measured = { against: await measure(against), candidate: await measure(candidate) };
  const wrongExperts = await inTurn(options.wrongExperts, async (adapter) => {
    const losses = await measureLosses(base.path, adapter, own, (share) =>
      onProgress(`measuring ${adapter.version}`, share),
    );
    return {
      version: adapter.version,
      loss: meanLoss(losses),
      ...lossReduction({ against: losses, candidate: measured.candidate.losses }),
    };
  });

  const prompts = promptsOf(own, ANSWERED_ROWS);
  const engine = await options.engine();
  const answer = (adapter: AdapterFile | null) =>
    generateAnswers(
      engine,
      { adapter, sampling: manifest.sampling },
      prompts.map(({ messages }) => messages),
      (share) => onProgress(`answers of ${nameOf(adapter)}`, share),
    );
  const answered = { against: await answer(against), candidate: await answer(candidate) };
  onProgress("judging the answers", null);
  const [judgedAgainst, judgedCandidate] = await judgeAnswers(base.path, [
    answered.against,
    answered.candidate,
  ]);
  if (!judgedAgainst || !judgedCandidate) throw new Error("both sides are judged");
  const judged = { against: judgedAgainst, candidate: judgedCandidate };

  return {
    id: manifest.id,
    candidate: candidate.version,
    against: nameOf(against),
    base: { name: base.name, sha256: base.sha256 },
    rows: own.rows.length,
    ...lossReport(measured),
    wrongExperts,
    label: labelTask && labelReport(measured, labelTask, own.rows),
    forgetting: forgetting(measured),
    ...answerReport(answered, judged),
    samples: prompts.slice(0, SHOWN_ANSWERS).map(({ messages, reference }, index) => ({
      prompt: messages.at(-1)?.content ?? "",
      against: answered.against[index]?.answer ?? "",
      candidate: answered.candidate[index]?.answer ?? "",
      reference,
    })),
    evaluatedAt: new Date().toISOString(),
  };
}

/** What an adapter of this folder is measured on. @throws {PatchbayError} `data-invalid` where there is no row */
export function textsFor({
  folder,
  promptsDir,
  rows,
}: Pick<EvaluateOptions, "folder" | "promptsDir" | "rows">): ToMeasure {
  const adaptersDir = path.dirname(folder);
  const manifest = readManifest(folder);
  const heldOut = (name: string) =>
    readConversations(path.join(adaptersDir, name, "dataset", "heldout.jsonl"));
  const own = rows ?? heldOut(manifest.id);
  if (own.length === 0) throw new PatchbayError("data-invalid", "There is no row to evaluate on.");
  const { labelTask } = manifest;
  const general = path.join(adaptersDir, "general", "heldout.jsonl");
  const otherDomains = new Map<string, Texts>();
  for (const other of adapterFolders(adaptersDir)) {
    const { id, prompt } = readManifest(other);
    if (id === manifest.id) continue;
    const systemPrompt = readPrompt(promptsDir, prompt).text;
    otherDomains.set(id, { systemPrompt, rows: spread(heldOut(id), ROWS_OF_OTHERS) });
  }
  return {
    own: { systemPrompt: readPrompt(promptsDir, manifest.prompt).text, rows: own },
    labelTask: labelTask && goldLabels(labelTask, own).length > 0 ? labelTask : null,
    general: {
      systemPrompt: readPrompt(promptsDir, "base.md").text,
      // Comes with Patchbay's own adapters; another folder may do without.
      rows: fs.existsSync(general) ? readConversations(general) : [],
    },
    otherDomains,
  };
}

/** So many rows from all over the file. */
function spread<T>(rows: readonly T[], count: number): T[] {
  if (rows.length <= count) return [...rows];
  return Array.from({ length: count }, (_, index) => rows[Math.floor((index * rows.length) / count)] as T);
}

/** Each row up to its last answer, which is what both sides are asked for. */
function promptsOf(
  { systemPrompt, rows }: Texts,
  count: number,
): { messages: ChatMessage[]; reference: string }[] {
  return spread(rows, count).map((row) => ({
    messages: [{ role: "system", content: systemPrompt }, ...row.messages.slice(0, -1)],
    reference: row.messages.at(-1)?.content ?? "",
  }));
}

function lossReport({ against, candidate }: Sides<Measured>): Pick<EvaluationReport, "loss" | "perplexity"> {
  const loss = { against: meanLoss(against.losses), candidate: meanLoss(candidate.losses) };
  return {
    loss: { ...loss, ...lossReduction({ against: against.losses, candidate: candidate.losses }) },
    perplexity: { against: Math.exp(loss.against), candidate: Math.exp(loss.candidate) },
  };
}

function lossReduction({ against, candidate }: Sides<RowLoss[]>): LossReduction {
  const reduction = (indices?: Uint32Array) => 1 - meanLoss(candidate, indices) / meanLoss(against, indices);
  return { reduction: reduction(), ci95: bootstrap95(candidate.length, reduction) };
}

function labelReport(
  { against, candidate }: Sides<Measured>,
  labelTask: LabelTask,
  rows: readonly Conversation[],
): LabelReport {
  const { labels } = labelTask;
  const gold = goldLabels(labelTask, rows);
  return {
    against: classification(gold, against.labels),
    candidate: classification(gold, candidate.labels),
    macroF1Gain: macroF1Gain(gold, { candidate: candidate.labels, against: against.labels }),
    labels,
    confusion: confusionMatrix(gold, candidate.labels, labels.length),
  };
}

function forgetting({ against, candidate }: Sides<Measured>): EvaluationReport["forgetting"] {
  const otherDomains: Record<string, number> = {};
  for (const [id, losses] of candidate.otherDomains)
    otherDomains[id] = meanLoss(losses) / meanLoss(against.otherDomains.get(id) ?? []) - 1;
  const general = meanLoss(candidate.general) / meanLoss(against.general) - 1;
  return { general: Number.isNaN(general) ? null : general, otherDomains };
}

function answerReport(
  answered: Sides<Answered[]>,
  judged: Sides<Judgement>,
): Pick<EvaluationReport, "fluency" | "coherence" | "engagement"> {
  const both = <T, R>(sides: Sides<T>, of: (side: T) => R): Sides<R> => ({
    against: of(sides.against),
    candidate: of(sides.candidate),
  });
  const mean = (of: (text: string) => number) => (side: Answered[]) =>
    side.reduce((sum, { answer }) => sum + of(answer), 0) / side.length;
  const { against, candidate } = both(judged, ({ earlierTurns }) => earlierTurns);
  return {
    fluency: {
      lossUnderBase: both(judged, ({ loss }) => loss),
      repetition: both(answered, mean(repetition)),
    },
    coherence: {
      relevance: both(judged, ({ relevance }) => relevance),
      earlierTurns: against === null || candidate === null ? null : { against, candidate },
    },
    engagement: {
      words: both(answered, mean(wordCount)),
      questionsBack: both(
        answered,
        mean((text) => (asksBack(text) ? 1 : 0)),
      ),
      distinct2: both(answered, (side) => distinct2(side.map(({ answer }) => answer))),
    },
  };
}
