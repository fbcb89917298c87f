import type { Attributes } from "@opentelemetry/api";
import type { ObservedTurn, TurnEnding, TurnRecord } from "../../chat/index.ts";
import { finishOf } from "../finish.ts";

/*
 * Names of the GenAI semantic conventions: https://github.com/open-telemetry/semantic-conventions-genai. They are still in
 * development; `patchbay.*` is what they have no name for.
 */

/** What is known when a turn begins, so that samplers can go by it. */
export const beginAttributes = ({ conversationId, generationId, requested }: ObservedTurn): Attributes => ({
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "patchbay",
  "gen_ai.request.model": requested,
  "gen_ai.conversation.id": conversationId,
  "gen_ai.response.id": generationId,
});

/** What has become known when it ends; none of it holds words that somebody said. */
export function endAttributes(record: TurnRecord, ending: TurnEnding): Attributes {
  const { route, engine, tokens, droppedTurns, cost, times } = record;
  const { startedAt, firstTextAt } = times;
  return {
    ...(route && routeAttributes(route)),
    ...(engine && { "gen_ai.response.model": engine.model, "patchbay.engine": engine.name }),
    ...(firstTextAt !== null && {
      "gen_ai.response.time_to_first_chunk": (firstTextAt - startedAt) / 1000,
    }),
    "gen_ai.usage.input_tokens": tokens.prompt,
    "gen_ai.usage.cache_read.input_tokens": tokens.cached,
    "gen_ai.usage.output_tokens": tokens.completion,
    "gen_ai.response.finish_reasons": [finishOf(ending)],
    ...(ending.is === "failed" && { "error.type": ending.code }),
    "patchbay.dropped_turns": droppedTurns,
    ...(cost !== null && { "patchbay.cost": cost }),
  };
}

/** What was said, for those who ask for it. `reason` names words of the question. */
export const textAttributes = ({ route, text }: TurnRecord, ending: TurnEnding): Attributes => ({
  ...(route && {
    "gen_ai.input.messages": JSON.stringify(
      route.messages.map(({ role, content }) => ({ role, parts: [{ type: "text", content }] })),
    ),
    "patchbay.reason": route.decision.reason,
  }),
  "gen_ai.output.messages": JSON.stringify([
    {
      role: "assistant",
      parts: [{ type: "text", content: text }],
      finish_reason: finishOf(ending),
    },
  ]),
});

function routeAttributes({ decision, expert, sampling, seed }: NonNullable<TurnRecord["route"]>): Attributes {
  const { runnerUp } = decision;
  const { presencePenalty, frequencyPenalty } = sampling;
  return {
    "gen_ai.request.seed": seed,
    "gen_ai.request.temperature": sampling.temperature,
    "gen_ai.request.top_p": sampling.topP,
    "gen_ai.request.top_k": sampling.topK,
    "gen_ai.request.max_tokens": sampling.maxTokens,
    ...(presencePenalty !== undefined && { "gen_ai.request.presence_penalty": presencePenalty }),
    ...(frequencyPenalty !== undefined && { "gen_ai.request.frequency_penalty": frequencyPenalty }),
    "patchbay.expert": expert.id,
    ...(expert.version !== null && { "patchbay.version": expert.version }),
    "patchbay.confidence": decision.confidence,
    ...(runnerUp && { "patchbay.runner_up": runnerUp.domain }),
    "patchbay.pinned": decision.pinned,
    "patchbay.router": decision.head,
  };
}
