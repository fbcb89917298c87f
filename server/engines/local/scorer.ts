import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { LlamaContextSequence, Token } from "node-llama-cpp";
import type { AdapterFile, ChatMessage } from "../engine.ts";
import { closeContext, openContext } from "./adapter-context.ts";
import type { PromptEncoder } from "./prompt-encoder.ts";

/** One token of an answer, teacher forced: every token before it is the reference's own. */
export interface TokenScore {
  token: number;
  /** Natural logarithm of its probability. */
  logProbability: number;
  /** The likeliest token at this position. */
  top: number;
}

/** Reads texts as the served model does and says how likely it finds them. One call at a time. */
export interface Scorer {
  /** Every token of all answers in the conversation, or of the last one only; end-of-turn tokens included. */
  answers(messages: ChatMessage[], which?: "all" | "last"): Promise<TokenScore[]>;
  /**
   * Which of these answers is the likeliest after the prompt, by the log-probability of the whole answer, its end-of-turn
   * token included; -1 where there is none to choose from.
   */
  choose(messages: ChatMessage[], answers: readonly string[]): Promise<number>;
}

/** More than the longest row that training takes. */
const CONTEXT_SIZE = 4096;
const BATCH_SIZE = 512;

/** Loads the base model with an adapter, null for the model alone, for as long as `use` runs. */
export async function withScorer<T>(
  modelPath: string,
  adapter: AdapterFile | null,
  use: (scorer: Scorer) => Promise<T>,
): Promise<T> {
  // Not above, as in vocabulary.ts.
  const [{ getLlama, LlamaLogLevel }, { PromptEncoder }] = await Promise.all([
    import("node-llama-cpp"),
    import("./prompt-encoder.ts"),
  ]);
  const llama = await getLlama({
    gpu: "auto",
    build: "never",
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
  });
  const model = await llama.loadModel({ modelPath });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "patchbay-score-"));
  try {
    const contextSize = Math.min(CONTEXT_SIZE, model.trainContextSize ?? CONTEXT_SIZE);
    const options = { contextSize, sequences: 1, threads: os.availableParallelism(), batchSize: BATCH_SIZE };
    const opened = await openContext(model, adapter, options, folder);
    const sequence = opened.context.getSequence();
    const encoder = new PromptEncoder(model);
    const result = await use({
      answers: (messages, which = "all") => scoreAnswers(sequence, encoder, messages, which),
      choose: (messages, answers) => chooseAnswer(sequence, encoder, messages, answers),
    });
    sequence.dispose();
    await closeContext(opened);
    return result;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
    await llama.dispose();
  }
}

async function scoreAnswers(
  sequence: LlamaContextSequence,
  encoder: PromptEncoder,
  messages: ChatMessage[],
  which: "all" | "last",
): Promise<TokenScore[]> {
  const { inputIds, completionMask } = encoder.trainingRow(messages);
  const from = which === "last" ? encoder.prompt(messages.slice(0, -1)).length : 0;
  // The last token predicts nothing that is asked for.
  const tokens = inputIds.slice(0, -1);
  const isScored = (index: number) => index + 1 >= from && completionMask[index + 1] === 1;
  const begun = await keep(
    sequence,
    tokens.slice(
      0,
      tokens.findIndex((_, index) => isScored(index)),
    ),
  );
  const scores = await readScored(sequence, tokens.slice(begun), (index) =>
    isScored(begun + index) ? [inputIds[begun + index + 1] as Token] : [],
  );
  return scores.flatMap((at, index) => {
    const token = inputIds[begun + index + 1];
    const logProbability = token === undefined ? undefined : at?.logProbabilities.get(token);
    return at && token !== undefined && logProbability !== undefined
      ? [{ token, logProbability, top: at.top }]
      : [];
  });
}

/** Leaves the sequence with as many of these tokens as it has read already. @returns how many */
async function keep(sequence: LlamaContextSequence, tokens: Token[]): Promise<number> {
  await sequence.adaptStateToTokens(tokens, false);
  return sequence.nextTokenIndex;
}

interface Position {
  top: Token;
  logProbabilities: Map<Token, number>;
}

/** Reads tokens; where some are wanted at a position, says how likely each of them is as the next one. */
async function readScored(
  sequence: LlamaContextSequence,
  tokens: readonly Token[],
  wanted: (index: number) => Token[],
): Promise<(Position | null)[]> {
  const output = await sequence.controlledEvaluate(
    tokens.map((token, index) => {
      // Greedy, so that the selected token is the likeliest. `includeTop` would sort the vocabulary, 3 ms a token.
      const filter = { tokens: wanted(index), includeSelected: true };
      if (filter.tokens.length === 0) return token;
      return [
        token,
        { generateNext: { logits: { filter }, totalLogitWeight: true, options: { temperature: 0 } } },
      ] as const;
    }) as Parameters<LlamaContextSequence["controlledEvaluate"]>[0],
  );
  return tokens.map((_, index) => {
    const { logits, totalLogitWeight } = output[index]?.next ?? {};
    if (!logits || totalLogitWeight === undefined) return null;
    // The weight is the sum of exp(logit - highest logit) over the whole vocabulary: log-softmax without its 49,152 rows.
    const [top, highest] = [...logits].reduce((best, each) => (each[1] > best[1] ? each : best));
    const logTotal = highest + Math.log(totalLogitWeight);
    return { top, logProbabilities: new Map([...logits].map(([token, logit]) => [token, logit - logTotal])) };
  });
}

interface Candidate {
  /** Indices of the answers that begin like this. */
  answers: number[];
  read: Token[];
  logProbability: number;
}

/**
 * Best first over the tree of the answers' tokens: a longer beginning is never likelier than a shorter one, so that the
 * first answer that is complete when its turn comes is the likeliest of all.
 */
async function chooseAnswer(
  sequence: LlamaContextSequence,
  encoder: PromptEncoder,
  messages: ChatMessage[],
  answers: readonly string[],
): Promise<number> {
  const prompt = encoder.prompt(messages);
  const complete = answers.map((content) =>
    encoder.trainingRow([...messages, { role: "assistant", content }]).inputIds.slice(prompt.length),
  );
  const open: Candidate[] = [{ answers: complete.map((_, index) => index), read: [], logProbability: 0 }];
  for (;;) {
    const best = open.reduce((one, other) => (other.logProbability > one.logProbability ? other : one), {
      answers: [],
      read: [],
      logProbability: Number.NEGATIVE_INFINITY,
    } as Candidate);
    open.splice(open.indexOf(best), 1);
    const ended = best.answers.find((index) => complete[index]?.length === best.read.length);
    if (ended !== undefined || best.answers.length === 0) return ended ?? -1;
    const next = new Map<Token, number[]>();
    for (const index of best.answers) {
      const token = complete[index]?.[best.read.length] as Token;
      next.set(token, [...(next.get(token) ?? []), index]);
    }
    const position = await after(sequence, [...prompt, ...best.read], [...next.keys()]);
    for (const [token, indices] of next)
      open.push({
        answers: indices,
        read: [...best.read, token],
        logProbability:
          best.logProbability + (position?.logProbabilities.get(token) ?? Number.NEGATIVE_INFINITY),
      });
  }
}

async function after(
  sequence: LlamaContextSequence,
  tokens: Token[],
  wanted: Token[],
): Promise<Position | null> {
  // The last token is always read anew: its logits are what is asked for.
  const rest = tokens.slice(await keep(sequence, tokens.slice(0, -1)));
  const positions = await readScored(sequence, rest, (index) => (index === rest.length - 1 ? wanted : []));
  return positions.at(-1) ?? null;
}
