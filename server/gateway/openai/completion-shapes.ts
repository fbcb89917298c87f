import type { Completion } from "../../chat/index.ts";
import { PatchbayError, type TokenLogprob } from "../../protocol/index.ts";
import type { ChoiceState, CompletionState } from "./completion-state.ts";

/*
 * The objects of https://platform.openai.com/docs/api-reference/chat, with a `patchbay` field of our own.
 */

export const COMPLETION_PREFIX = "chatcmpl-";

export function completionObject(completion: Completion, state: CompletionState) {
  return {
    ...head(completion, state, "chat.completion"),
    choices: state.choices.map((choice, index) => ({
      index,
      message: { role: "assistant", content: choice.text, refusal: null },
      logprobs: logprobsObject(choice.logprobs),
      finish_reason: finishReason(choice),
    })),
    usage: usageObject(state),
    patchbay: patchbayObject(completion, state),
  };
}

/** The first of a choice's chunks says who answers. */
export const firstChunk = (completion: Completion, state: CompletionState, index: number) => ({
  ...chunk(completion, state, index, { role: "assistant", content: "", refusal: null }),
  patchbay: patchbayObject(completion, state),
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
  ...head(completion, state, "chat.completion.chunk"),
  choices: [],
  usage: usageObject(state),
  patchbay: patchbayObject(completion, state),
});

function chunk(
  completion: Completion,
  state: CompletionState,
  index: number,
  delta: object,
  logprobs: TokenLogprob[] = [],
) {
  return {
    ...head(completion, state, "chat.completion.chunk"),
    choices: [{ index, delta, logprobs: logprobsObject(logprobs), finish_reason: null }],
  };
}

function head<Name extends string>({ id, created }: Completion, { route }: CompletionState, object: Name) {
  return {
    id: `${COMPLETION_PREFIX}${id}`,
    object,
    created,
    model: route?.expert.version ?? route?.expert.id ?? "auto",
  };
}

/** A prompt is read once for each choice and counted once, as OpenAI does. */
function usageObject({ choices }: CompletionState) {
  const counts = choices.flatMap(({ ending }) =>
    ending && !(ending instanceof PatchbayError) ? [ending.tokens] : [],
  );
  const prompt = counts[0]?.prompt ?? 0;
  const completion = counts.reduce((sum, { completion }) => sum + completion, 0);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: counts[0]?.cached ?? 0 },
  };
}

/** As `patchbay chat --json` says it. */
function patchbayObject(completion: Completion, { route, choices }: CompletionState) {
  const timings = choices.flatMap(({ ending }) =>
    ending && !(ending instanceof PatchbayError) ? [ending.timings] : [],
  );
  return {
    adapter: route?.expert.id ?? null,
    version: route?.expert.version ?? null,
    sha256: route?.expert.sha256 ?? null,
    confidence: route?.decision.confidence ?? null,
    runnerUp: route?.decision.runnerUp
      ? { adapter: route.decision.runnerUp.domain, confidence: route.decision.runnerUp.confidence }
      : null,
    reason: route?.decision.reason ?? null,
    pinned: route?.decision.pinned ?? null,
    router: route?.decision.head ?? null,
    seeds: completion.choices.map(({ seed }) => seed),
    droppedTurns: choices[0]?.droppedTurns ?? 0,
    ...(timings.length === choices.length && { timings }),
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
