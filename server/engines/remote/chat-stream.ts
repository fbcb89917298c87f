import { z } from "zod";
import { RemoteFailure, type UpstreamEvent } from "./upstream.ts";

const count = z.number().int().min(0);

const TokenChance = z.object({ token: z.string(), logprob: z.number() });
const TokenChances = TokenChance.extend({ top_logprobs: z.array(TokenChance) });

/**
 * What is used of a chunk of a streamed chat completion: https://platform.openai.com/docs/api-reference/chat-streaming
 * `prompt_progress` is llama-server's, `patchbay` that of another server like this one.
 */
const Chunk = z.object({
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish() }).nullish(),
      finish_reason: z.string().nullish(),
      logprobs: z.object({ content: z.array(TokenChances).nullish() }).nullish(),
    }),
  ),
  usage: z
    .object({
      prompt_tokens: count,
      completion_tokens: count.nullish(),
      prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
    })
    .nullish(),
  prompt_progress: z.object({ total: count, cache: count }).nullish(),
  patchbay: z.object({ droppedTurns: count, version: z.string().nullish() }).nullish(),
});

/**
 * Chunks of any OpenAI-compatible server as events; counts may follow the end.
 * @throws {RemoteFailure} `remote-failed` for what is no chunk, and where the stream ends before the answer does
 */
export async function* readChatStream(
  engine: string,
  chunks: AsyncIterable<unknown>,
): AsyncGenerator<UpstreamEvent> {
  let ended = false;
  for await (const received of chunks) {
    const parsed = Chunk.safeParse(received);
    if (!parsed.success)
      throw new RemoteFailure("remote-failed", `The engine ${engine} sent something that is no answer.`, {
        hint: "Check that its address is that of an OpenAI-compatible server.",
        cause: parsed.error,
      });
    yield* toldAside(parsed.data);
    const [choice] = parsed.data.choices;
    const chances = choice?.logprobs?.content?.map(({ top_logprobs: top, ...chance }) => ({
      ...chance,
      top,
    }));
    if (choice?.delta?.content)
      yield { type: "text", text: choice.delta.content, ...(chances && { logprobs: chances }) };
    if (!choice?.finish_reason) continue;
    ended = true;
    yield { type: "end", reason: choice.finish_reason === "length" ? "length" : "stop" };
  }
  // A connection that is closed properly in the middle of an answer looks like its end.
  if (!ended)
    throw new RemoteFailure("remote-failed", `The engine ${engine} broke off in the middle of this answer.`);
}

/** What a chunk says of the answer beside its text. */
function* toldAside({
  usage,
  prompt_progress: progress,
  patchbay,
}: z.infer<typeof Chunk>): Generator<UpstreamEvent> {
  if (patchbay) yield { type: "dropped", turns: patchbay.droppedTurns };
  if (patchbay && !patchbay.version) yield { type: "without-adapter" };
  if (progress)
    yield { type: "usage", usage: { prompt: progress.total, cached: progress.cache, completion: 0 } };
  if (usage)
    yield {
      type: "usage",
      usage: {
        prompt: usage.prompt_tokens,
        cached: usage.prompt_tokens_details?.cached_tokens ?? 0,
        completion: usage.completion_tokens ?? 0,
      },
    };
}
