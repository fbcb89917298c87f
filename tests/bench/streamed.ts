import type { GenerateRequest, LocalEngine } from "../../server/engines/index.ts";

/** How one answer came. Moments on the clock of `performance.now()`, in ms. */
export interface Streamed {
  askedAt: number;
  /** When each piece of text came, the first word first. */
  textAt: number[];
  endedAt: number;
  tokens: number;
}

/** @throws {PatchbayError} whatever the engine refuses the request with */
export async function streamFrom(
  engine: LocalEngine,
  request: GenerateRequest,
  onText: () => void = () => undefined,
): Promise<Streamed> {
  const askedAt = performance.now();
  const textAt: number[] = [];
  let tokens = 0;
  for await (const event of engine.generate(request, new AbortController().signal)) {
    if (event.type === "finished") tokens = event.completionTokens;
    if (event.type !== "delta") continue;
    textAt.push(performance.now());
    onText();
  }
  return { askedAt, textAt, endedAt: performance.now(), tokens };
}

export const firstTokenMs = ({ askedAt, textAt, endedAt }: Streamed): number =>
  (textAt[0] ?? endedAt) - askedAt;

export const totalMs = ({ askedAt, endedAt }: Streamed): number => endedAt - askedAt;

/** Tokens per second of one stream, between its first token and its last. */
export const decodeSpeed = ({ textAt, endedAt, tokens }: Streamed): number =>
  ((tokens - 1) / (endedAt - (textAt[0] ?? endedAt))) * 1000;

/** Tokens per second of all together, from the first question until the last answer has ended. */
export function totalSpeed(streams: Streamed[]): number {
  const tokens = streams.reduce((sum, stream) => sum + stream.tokens, 0);
  const from = Math.min(...streams.map(({ askedAt }) => askedAt));
  const to = Math.max(...streams.map(({ endedAt }) => endedAt));
  return (tokens / (to - from)) * 1000;
}

/** The longest time that any of the streams stood still between two pieces of its text, looked at from `since` on. */
export function longestGapMs(streams: Streamed[], since: number): number {
  const gaps = streams.flatMap(({ textAt }) =>
    textAt.map((at, index) => (at > since ? at - (textAt[index - 1] ?? at) : 0)),
  );
  return Math.max(...gaps);
}
