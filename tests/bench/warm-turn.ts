import type { ChatMessage, GenerateRequest, LocalEngine } from "../../server/engines/index.ts";
import { samplingFor, withEngine } from "./bench-engine.ts";
import { adapterNamed, type BenchAdapter, type Context, type Measurement } from "./context.ts";
import { questionsFor } from "./questions.ts";
import { sideBySide } from "./side-by-side.ts";
import { figure } from "./statistics.ts";
import { firstTokenMs, streamFrom } from "./streamed.ts";

const TURNS = 5;
const ANSWER_TOKENS = 96;

/** `warmTurn`: time to the first token of a conversation's fifth turn, over that of the same prompt in a cold engine. */
export const warmTurn: Measurement = {
  units: { warmTurn: "ratio" },
  needsPeer: false,
  measure: async (context) => ({ warmTurn: figure(await ratios(context), 0.25, "lower") }),
};

async function ratios(context: Context): Promise<number[]> {
  const { note, threads } = context;
  const adapter = adapterNamed(context, "support");
  return withEngine(context, { threads }, async (engine) => {
    await engine.plug(adapter.file, adapter.prompt.text);
    const questions = questionsFor(context, "support");
    const conversations = new Map<number, Promise<GenerateRequest>>();
    // Whichever side goes first has the turns before answered, and nobody else comes in between: a few conversations
    // later the state would have given way, which is another figure.
    const conversation = (repeat: number) => {
      const known = conversations.get(repeat);
      if (known) return known;
      const asked = questions.slice(repeat * TURNS, (repeat + 1) * TURNS);
      const begun = talk(engine, adapter, asked, `${repeat}`);
      conversations.set(repeat, begun);
      return begun;
    };
    const sides = {
      ours: async (repeat: number) => firstTokenMs(await streamFrom(engine, await conversation(repeat))),
      theirs: async (repeat: number) => coldFirstTokenMs(context, adapter, await conversation(repeat)),
    };
    const pairs = await sideBySide(sides, ({ ours, theirs }, label) => {
      const times = `turn ${TURNS} ${ours.toFixed(0)} ms, cold ${theirs.toFixed(0)} ms`;
      note(`${label}: ${times}, ratio ${(ours / theirs).toFixed(3)}`);
    });
    return pairs.map(({ ours, theirs }) => ours / theirs);
  });
}

/** Has all turns but the last answered. @returns the request for the last one */
async function talk(
  engine: LocalEngine,
  { file, prompt }: BenchAdapter,
  questions: string[],
  user: string,
): Promise<GenerateRequest> {
  const messages: ChatMessage[] = [{ role: "system", content: prompt.text }];
  const request = { adapter: file, sampling: samplingFor(ANSWER_TOKENS), seed: 1, user };
  for (const [turn, content] of questions.entries()) {
    messages.push({ role: "user", content });
    if (turn < questions.length - 1)
      messages.push({ role: "assistant", content: await answerTo(engine, { ...request, messages }) });
  }
  return { ...request, messages };
}

async function answerTo(engine: LocalEngine, request: GenerateRequest): Promise<string> {
  let text = "";
  for await (const event of engine.generate(request, new AbortController().signal))
    if (event.type === "delta") text += event.text;
  return text;
}

/** An engine that has made the adapter's context but read nothing of the prompt, not even what the adapter tells it. */
function coldFirstTokenMs(
  context: Context,
  { file }: BenchAdapter,
  request: GenerateRequest,
): Promise<number> {
  return withEngine(context, { threads: context.threads }, async (engine) => {
    await engine.plug(file, "Say hello.");
    return firstTokenMs(await streamFrom(engine, request));
  });
}
