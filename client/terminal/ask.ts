import { type Answer, isPromptAlone, PatchbayError } from "../sdk/index.ts";

/** What `patchbay chat "text" --json` prints. */
export function toJson(answer: Answer) {
  if (answer.error) throw PatchbayError.fromBody(answer.error);
  const { decision, expert, timings, tokens, cost } = answer;
  const finish = ({ complete: "stop", "cut-off": "length", stopped: "stopped" } as Record<string, string>)[
    answer.status
  ];
  return {
    answer: answer.text,
    adapter: expert?.id ?? null,
    version: expert?.version ?? null,
    ...(expert && isPromptAlone(expert) && { promptAlone: true }),
    ...(expert?.remote && { remote: { ...expert.remote, cost } }),
    confidence: decision?.confidence ?? null,
    runnerUp: decision?.runnerUp && {
      adapter: decision.runnerUp.domain,
      confidence: decision.runnerUp.confidence,
    },
    reason: decision?.reason ?? null,
    timings,
    tokens,
    finish,
  };
}
