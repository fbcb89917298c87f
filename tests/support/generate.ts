import type { Engine, GenerateRequest, GenerationEvent } from "../../server/engines/index.ts";

export function request(content: string, overrides: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    messages: [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content },
    ],
    adapter: null,
    sampling: { temperature: 0.7, topP: 0.95, topK: 40, minP: 0.05, repeatPenalty: 1.1, maxTokens: 48 },
    seed: 7,
    user: "somebody",
    ...overrides,
  };
}

/** A request whose answer is long enough to be interrupted. */
export const story = request("Write a very long story about the sea.", {
  sampling: { ...request("").sampling, maxTokens: 800 },
});

export interface Outcome {
  text: string;
  events: GenerationEvent[];
  started: Extract<GenerationEvent, { type: "started" }>;
  finished: Extract<GenerationEvent, { type: "finished" }>;
}

/** Reads an answer to its end. */
export async function generate(
  engine: Engine,
  what: GenerateRequest,
  signal = new AbortController().signal,
  onEvent?: (event: GenerationEvent) => void,
): Promise<Outcome> {
  const events: GenerationEvent[] = [];
  for await (const event of engine.generate(what, signal)) {
    events.push(event);
    onEvent?.(event);
  }
  return {
    text: events.map((event) => (event.type === "delta" ? event.text : "")).join(""),
    events,
    started: events.find(({ type }) => type === "started") as Outcome["started"],
    finished: events.at(-1) as Outcome["finished"],
  };
}
