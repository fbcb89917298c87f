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
  const askedAt = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      model: "auto",
      messages: [{ role: "user", content: question }],
      stream: true,
      stream_options: { include_usage: true },
    }),
  });
  if (!response.ok || !response.body) throw new Error(`/v1 answered ${response.status}`);
  const textAt: number[] = [];
  let last: Chunk | null = null;
  for await (const data of eventsOf(response.body)) {
    if (data === "[DONE]") break;
    last = JSON.parse(data) as Chunk;
    if (last.choices[0]?.delta.content) textAt.push(performance.now());
  }
  const endedAt = performance.now();
  const { generationId } = await db
    .selectFrom("generations")
    .innerJoin("messages", "messages.id", "generations.message_id")
    .select("generations.id as generationId")
    .where("messages.conversation_id", "=", last?.id.replace("chatcmpl-", "") ?? "")
    .executeTakeFirstOrThrow();
  const tokens = last?.usage?.completion_tokens ?? 0;
  return {
    askedAt,
    textAt,
    endedAt,
    tokens,
    generationId,
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
