import OpenAI from "openai";
import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import type { Health } from "../../server/protocol/index.ts";
import { LONG_QUESTION } from "./talk.ts";

/** The official client against a server of ours; it does not try again by itself. */
export const openAi = (url: string, apiKey = "no-key-needed"): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

/** What Patchbay adds to a completion and to the first chunk of a stream. */
export interface PatchbayField {
  adapter: string;
  version: string | null;
  sha256: string | null;
  confidence: number;
  runnerUp: { adapter: string; confidence: number } | null;
  reason: string;
  pinned: boolean;
  router: string;
  seeds: number[];
  remotes: ({ engine: string; model: string } | null)[];
  droppedTurns: number;
  cost?: number;
  timings?: { routeMs: number; firstTokenMs: number | null; totalMs: number }[];
}

export const patchbayOf = (answer: ChatCompletion | ChatCompletionChunk | undefined): PatchbayField =>
  (answer as unknown as { patchbay: PatchbayField }).patchbay;

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

export const textOf = (answer: ChatCompletion, index = 0): string =>
  answer.choices[index]?.message.content ?? "";

/** A POST as some program would make it, with whatever body. */
export async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

export const user = (content: string) => ({ role: "user" as const, content });
export const refund = user("I was charged twice, how do I get my money back?");
/** Has an answer that is long enough to be interrupted. */
export const long = user(LONG_QUESTION);

/** Answers that are being written or wait. */
export async function answersRunning(url: string): Promise<number> {
  const health = (await (await fetch(`${url}/health`)).json()) as Extract<Health, { status: "ready" }>;
  return health.queue.running + health.queue.waiting;
}
