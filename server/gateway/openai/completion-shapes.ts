import type { Completion } from "../../chat/index.ts";
import { type Expert, PatchbayError, type TokenLogprob } from "../../protocol/index.ts";
import type { ChoiceState, CompletionState } from "./completion-state.ts";

/*
 * The objects of https://platform.openai.com/docs/api-reference/chat, with a `patchbay` field of our own.
 */

export const COMPLETION_PREFIX = "chatcmpl-";

export function completionObject(completion: Completion, state: CompletionState) {
  return {
    ...head(completion, state.expert, "chat.completion"),
    choices: state.choices.map((choice, index) => ({
      index,
      message: { role: "assistant", content: choice.text, refusal: null },
      logprobs: logprobsObject(choice.logprobs),
      finish_reason: finishReason(choice),
    })),
    usage: usageObject(state),
    patchbay: patchbayObject(completion, state, state.expert),
  };
}

/** The first of a choice's chunks says who answers. */
export const firstChunk = (completion: Completion, state: CompletionState, index: number) => ({
  ...chunk(completion, state, index, { role: "assistant", content: "", refusal: null }),
  patchbay: patchbayObject(completion, state, expertOf(state, index)),
});

export const deltaChunk = (
  completion: Completion,
  state: CompletionState,
  index: number,
  delta: { text: string; logprobs?: TokenLogprob[] | undefined },
) => chunk(completion, state, index, { content: delta.text }, delta.logprobs);

export const lastChunk = (completion: Completion, state: CompletionState, index: number) => ({
  ...chunk(completion, state, index, {}),
  choices: [{ index, delta: {}, logprobs: null, finish_reason: finishReason(state.choices[index]) }],
});

export const usageChunk = (completion: Completion, state: CompletionState) => ({
  ...head(completion, state.expert, "chat.completion.chunk"),
  choices: [],
  usage: usageObject(state),
  patchbay: patchbayObject(completion, state, state.expert),
});

function chunk(
  completion: Completion,
  state: CompletionState,
  index: number,
  delta: object,
  logprobs: TokenLogprob[] = [],
) {
  return {
    ...head(completion, expertOf(state, index), "chat.completion.chunk"),
    choices: [{ index, delta, logprobs: logprobsObject(logprobs), finish_reason: null }],
  };
}

const expertOf = ({ choices }: CompletionState, index: number): Expert | null =>
  choices[index]?.expert ?? null;

function head<Name extends string>({ id, created }: Completion, expert: Expert | null, object: Name) {
  return {
    id: `${COMPLETION_PREFIX}${id}`,
    object,
    created,
    model: expert?.version ?? expert?.id ?? "auto",
  };
}

/** A prompt is read once for each choice and counted once, as OpenAI does. */
function usageObject({ choices }: CompletionState) {
  const counts = endingsOf(choices).map(({ tokens }) => tokens);
  const prompt = counts[0]?.prompt ?? 0;
  const completion = counts.reduce((sum, { completion }) => sum + completion, 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: counts[0]?.cached ?? 0 },
  };
}

const endingsOf = (choices: readonly ChoiceState[]) =>
  choices.flatMap(({ ending }) => (ending && !(ending instanceof PatchbayError) ? [ending] : []));

/** As `patchbay chat --json` says it. */
function patchbayObject(
  completion: Completion,
  { decision, choices }: CompletionState,
  expert: Expert | null,
) {
  const endings = endingsOf(choices);
  const costs = endings.flatMap(({ cost }) => cost ?? []);
  return {
    adapter: expert?.id ?? null,
    version: expert?.version ?? null,
    sha256: expert?.sha256 ?? null,
    confidence: decision?.confidence ?? null,
    runnerUp: decision?.runnerUp
      ? { adapter: decision.runnerUp.domain, confidence: decision.runnerUp.confidence }
      : null,
    reason: decision?.reason ?? null,
    pinned: decision?.pinned ?? null,
    router: decision?.head ?? null,
    seeds: completion.choices.map(({ seed }) => seed),
    remotes: choices.map((choice) => choice.expert?.remote ?? null),
    droppedTurns: choices[0]?.droppedTurns ?? 0,
    ...(endings.length === choices.length && { timings: endings.map(({ timings }) => timings) }),
    ...(costs.length > 0 && { cost: costs.reduce((sum, cost) => sum + cost, 0) }),
  };
}

function logprobsObject(logprobs: TokenLogprob[]) {
  if (logprobs.length === 0) return null;
  return {
    content: logprobs.map(({ token, logprob, top }) => ({
      ...tokenObject({ token, logprob }),
      top_logprobs: top.map(tokenObject),
    })),
    refusal: null,
  };
}

/** A part of a character has no text of its own, and which bytes it is made of is not known. */
const tokenObject = ({ token, logprob }: { token: string; logprob: number }) => ({
  token,
  logprob,
  bytes: token.includes("\uFFFD") ? null : [...Buffer.from(token)],
});

const finishReason = (choice: ChoiceState | undefined) =>
  choice?.ending && !(choice.ending instanceof PatchbayError) ? choice.ending.reason : null;
