import {
  type Answer,
  isPromptAlone,
  OpenConversation,
  type PatchbayClient,
  PatchbayError,
} from "../sdk/index.ts";

/** Opens a new conversation. */
export async function newConversation(client: PatchbayClient): Promise<OpenConversation> {
  const { conversation } = await client.call("conversation:create", {});
  const open = new OpenConversation(client, conversation.id);
  await open.load();
  return open;
}

/** Follows an answer to its end. `onUpdate` sees each state on the way. */
export function followAnswer(
  open: OpenConversation,
  answerId: string,
  onUpdate: (answer: Answer) => void,
): Promise<Answer> {
  return open.when(answerId, (answer) => {
    onUpdate(answer);
    return answer.status !== "streaming";
  });
}

/** What `patchbay chat "text" --json` prints. */
export function toJson(answer: Answer) {
  if (answer.error)
    throw PatchbayError.fromBody(answer.error as Parameters<typeof PatchbayError.fromBody>[0]);
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
