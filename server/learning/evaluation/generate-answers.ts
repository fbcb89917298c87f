import type { AdapterFile, ChatMessage, Engine, Sampling } from "../../engines/index.ts";
import type { Answered } from "./judge-answers.ts";

/** As many as a context has sequences: they decode as one batch. */
const AT_ONCE = 4;
/** The same draws on both sides and on every run. */
const SEED = 1;

/**
 * Answers of an adapter, null for the base model, through the engine that serves.
 * @param onProgress share done, from 0 to 1
 */
export async function generateAnswers(
  engine: Engine,
  { adapter, sampling }: { adapter: AdapterFile | null; sampling: Sampling },
  prompts: readonly ChatMessage[][],
  onProgress: (share: number) => void,
): Promise<Answered[]> {
  const answers = new Map<number, string>();
  const waiting = [...prompts.entries()];
  const work = async (user: string) => {
    for (let item = waiting.shift(); item; item = waiting.shift()) {
      const [index, messages] = item;
      const request = { messages, adapter, sampling, seed: SEED, user };
      let answer = "";
      for await (const event of engine.generate(request, new AbortController().signal))
        if (event.type === "delta") answer += event.text;
      answers.set(index, answer.trim());
      onProgress(answers.size / prompts.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, (_, user) => work(`${user}`)));
  return prompts.map((messages, index) => ({ messages, answer: answers.get(index) ?? "" }));
}
