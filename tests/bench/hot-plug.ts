import type { AdapterFile, LocalEngine } from "../../server/engines/index.ts";
import { copyAdapters } from "../support/adapter-copies.ts";
import { samplingFor, withEngine } from "./bench-engine.ts";
import { type Context, type Measurement, shippedAdapters } from "./context.ts";
import { withFolder } from "./folder.ts";
import { makePrompts, type Prompt } from "./prompts.ts";
import { pause, REPEATS, sideBySide } from "./side-by-side.ts";
import { figure } from "./statistics.ts";
import { longestGapMs, type Streamed, streamFrom } from "./streamed.ts";

const USERS = 8;
const PROMPT_TOKENS = 100;
const ANSWER_TOKENS = 128;
const NEWCOMER_TOKENS = 16;
/** Between the moment when everybody reads along and the plug, in ms. */
const LEAD_IN_MS = 500;

interface Gap {
  longestMs: number;
  /** Whether the newcomer had a word before the others had ended. */
  inTime: boolean;
}

/**
 * `hotPlugGapMs`: how much longer than otherwise a stream stands still when a new adapter is plugged in beside eight
 * streams. A ninth person asks in both cases: through the new adapter, which therefore has to be loaded in mid-stream,
 * or through one that is there already.
 */
export const hotPlug: Measurement = {
  units: { hotPlugGapMs: "ms" },
  needsPeer: false,
  measure: async (context) => ({ hotPlugGapMs: figure(await differences(context), 150, "lower") }),
};

function differences(context: Context): Promise<number[]> {
  const { note, threads } = context;
  const there = shippedAdapters(context);
  const files = there.map(({ file }) => file);
  return withFolder((folder) =>
    withEngine(context, { threads }, async (engine) => {
      for (const { file, prompt } of there) await engine.plug(file, prompt.text);
      const runs = 2 * (REPEATS + 1);
      const prompts = await makePrompts(context.base.path, runs * (USERS + 1), PROMPT_TOKENS);
      const promptsOf = (run: number) => prompts.slice(run * (USERS + 1), (run + 1) * (USERS + 1));
      const newcomers = copyAdapters(files, folder, REPEATS + 1);
      const sides = {
        ours: async (repeat: number) => {
          const newcomer = newcomers[repeat] as AdapterFile;
          const gap = await ninthPerson(engine, files, promptsOf(2 * repeat), async (ask) => {
            const plugged = engine.plug(newcomer, there[0]?.prompt.text ?? "");
            const streamed = await ask(newcomer);
            await plugged;
            return streamed;
          });
          engine.unplug(newcomer);
          return gap;
        },
        theirs: (repeat: number) =>
          ninthPerson(engine, files, promptsOf(2 * repeat + 1), (ask) => ask(files[0] as AdapterFile)),
      };
      const pairs = await sideBySide(sides, ({ ours, theirs }, label) => {
        const late = ours.inTime ? "" : " (the new adapter had to wait until others had ended)";
        note(
          `${label}: longest gap ${theirs.longestMs.toFixed(0)} ms, with a plug ${ours.longestMs.toFixed(0)} ms${late}`,
        );
      });
      return pairs.map(({ ours, theirs }) => ours.longestMs - theirs.longestMs);
    }),
  );
}

/** Eight people stream through the adapters that are there; in the middle of it, somebody else comes. */
async function ninthPerson(
  engine: LocalEngine,
  adapters: AdapterFile[],
  prompts: Prompt[],
  come: (ask: (adapter: AdapterFile) => Promise<Streamed>) => Promise<Streamed>,
): Promise<Gap> {
  const ask = (user: number, adapter: AdapterFile, maxTokens: number, onText: () => void) =>
    streamFrom(
      engine,
      {
        messages: prompts[user]?.messages ?? [],
        adapter,
        sampling: samplingFor(maxTokens),
        seed: user,
        user: `${user}`,
        ignoreEnd: true,
      },
      onText,
    );
  const reading = new Set<number>();
  const streams = Array.from({ length: USERS }, (_, user) =>
    ask(user, adapters[user % adapters.length] as AdapterFile, ANSWER_TOKENS, () => reading.add(user)),
  );
  const ended = Promise.all(streams);
  while (reading.size < USERS) await Promise.race([pause(20), ended]);
  await pause(LEAD_IN_MS);
  const cameAt = performance.now();
  const newcomer = await come((adapter) => ask(USERS, adapter, NEWCOMER_TOKENS, () => undefined));
  const others = await ended;
  const endedAt = Math.min(...others.map((stream) => stream.endedAt));
  return { longestMs: longestGapMs(others, cameAt), inTime: (newcomer.textAt[0] ?? endedAt) < endedAt };
}
