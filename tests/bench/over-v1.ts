import type { Database } from "../../db/index.ts";
import type { Streamed } from "./streamed.ts";

/** An answer that came over /v1. */
export interface OverV1 extends Streamed {
  generationId: string;
  /** What choosing the expert took in the server, in ms. */
  routeMs: number;
}

interface Chunk {
  id: string;
  choices: { delta: { content?: string } }[];
  usage?: { completion_tokens: number };
  patchbay?: { timings?: { routeMs: number }[] };
}

/** Asks the router's choice and reads along. @param db the server's. @throws {Error} where the server refuses */
export async function askOverV1(url: string, db: Database, question: string): Promise<OverV1> {
  const body = { model: "auto", messages: [{ role: "user", content: question }] };
  const { id, ...streamed } = await streamCompletion(`${url}/v1`, body);
  const { generationId } = await db
    .selectFrom("generations")
    .innerJoin("messages", "messages.id", "generations.message_id")
    .select("generations.id as generationId")
    .where("messages.conversation_id", "=", id.replace("chatcmpl-", ""))
    .executeTakeFirstOrThrow();
  return { ...streamed, generationId };
}

/**
 * One streamed completion of any OpenAI-compatible server; only Patchbay tells its routing time.
 * @param onText is given each piece of text as it comes
 * @throws {Error} where the server refuses
 */
export async function streamCompletion(
  baseURL: string,
  body: object,
  onText: (piece: string) => void = () => undefined,
): Promise<Streamed & { id: string; routeMs: number }> {
  const askedAt = performance.now();
  const response = await fetch(`${baseURL}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
  });
  if (!response.ok || !response.body)
    throw new Error(`${baseURL} answered ${response.status}: ${await response.text()}`);
  const textAt: number[] = [];
  let last: Chunk | null = null;
  for await (const data of eventsOf(response.body)) {
    if (data === "[DONE]") break;
    last = JSON.parse(data) as Chunk;
    const piece = last.choices[0]?.delta.content;
    if (!piece) continue;
    textAt.push(performance.now());
    onText(piece);
  }
  return {
    askedAt,
    textAt,
    endedAt: performance.now(),
    tokens: last?.usage?.completion_tokens ?? 0,
    id: last?.id ?? "",
    routeMs: last?.patchbay?.timings?.[0]?.routeMs ?? 0,
  };
}

/** Data of server-sent events, one line each. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of body) {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) yield block.replace(/^data: /, "");
  }
}
