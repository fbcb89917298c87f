import fs from "node:fs";
import path from "node:path";
import type { AdapterFile, Engine } from "../../engines/index.ts";
import type { BaseModel } from "../../models/index.ts";
import { PatchbayError } from "../../protocol/index.ts";
import { adapterFolders, readManifest, readPrompt } from "../../registry/index.ts";
import { type Conversation, readConversations } from "../dataset.ts";
import { goldLabels, type LabelTask } from "../label-task.ts";
import { promptsOf, samplesOf, spread } from "./answered-rows.ts";
import { classification, confusionMatrix, macroF1Gain } from "./classification.ts";
import { generateAnswers } from "./generate-answers.ts";
import { type Answered, coherence, type Judgement, judgeAnswers } from "./judge-answers.ts";
import { forgetting, lossChange, lossReduction } from "./loss-changes.ts";
import {
  inTurn,
  type Measured,
  meanLoss,
  measureLosses,
  measureSide,
  type Texts,
  type ToMeasure,
} from "./measure-side.ts";
import type { EvaluationReport, LabelReport, Sides } from "./report.ts";
import { asksBack, distinct2, repetition, wordCount } from "./text-measures.ts";

/** Rows of each other domain: enough for a direction, few enough to wait for. */
const ROWS_OF_OTHERS = 40;

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
  const loss = lossChange({ against: measured.against.losses, candidate: measured.candidate.losses });
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

  const prompts = promptsOf(own);
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
    loss,
    perplexity: { against: Math.exp(loss.against), candidate: Math.exp(loss.candidate) },
    wrongExperts,
    label: labelTask && labelReport(measured, labelTask, own.rows),
    forgetting: forgetting(measured),
    ...answerReport(answered, judged),
    samples: samplesOf(prompts, answered),
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
  return {
    fluency: {
      lossUnderBase: both(judged, ({ loss }) => loss),
      repetition: both(answered, mean(repetition)),
    },
    coherence: coherence(judged),
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
