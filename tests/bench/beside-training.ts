import type { LocalEngine } from "../../server/engines/index.ts";
import { samplingFor, withEngine } from "./bench-engine.ts";
import { adapterNamed, type Context, type Measurement } from "./context.ts";
import { withFolder } from "./folder.ts";
import { makePrompts, type Prompt } from "./prompts.ts";
import { REPEATS, sideBySide } from "./side-by-side.ts";
import { figure } from "./statistics.ts";
import { decodeSpeed, streamFrom } from "./streamed.ts";
import { Training } from "./training.ts";

const PROMPT_TOKENS = 100;
const TOKENS = 192;

/** `decodeBesideTraining`: one stream while an adapter is being trained on the same machine, over one alone. */
export const decodeBesideTraining: Measurement = {
  units: { decodeBesideTraining: "ratio" },
  needsPeer: false,
  measure: async (context) => ({
    decodeBesideTraining: figure(await withFolder((folder) => ratios(context, folder)), 0.5, "higher"),
  }),
};

async function ratios(context: Context, folder: string): Promise<number[]> {
  const { base, note } = context;
  const prompts = await makePrompts(base.path, 2 * (REPEATS + 1), PROMPT_TOKENS);
  note("starting a training (PyTorch takes a while to load)");
  const training = await Training.start(adapterNamed(context, "support").summary.id, folder, note);
  try {
    const undisturbed = await paceOf(training);
    // Threads that adapt, on both sides; an engine each, so that each has got used to its own neighbours.
    return await withEngine(context, {}, (beside) =>
      withEngine(context, {}, async (alone) => {
        const sides = {
          ours: (repeat: number) => speedOf(beside, prompts[2 * repeat] as Prompt),
          theirs: async (repeat: number) => {
            training.hold();
            const speed = await speedOf(alone, prompts[2 * repeat + 1] as Prompt);
            training.letGo();
            return speed;
          },
        };
        const pairs = await sideBySide(sides, ({ ours, theirs }, label) =>
          note(
            `${label}: beside the training ${ours.toFixed(1)} tok/s, alone ${theirs.toFixed(1)} tok/s, ratio ${(ours / theirs).toFixed(3)}`,
          ),
        );
        const disturbed = await paceBeside(training, beside, prompts[0] as Prompt);
        note(
          `the training: a step in ${undisturbed.toFixed(1)} s, beside decoding in ${disturbed.toFixed(1)} s`,
        );
        return pairs.map(({ ours, theirs }) => ours / theirs);
      }),
    );
  } finally {
    await training.stop();
  }
}

const speedOf = async (engine: LocalEngine, { messages }: Prompt): Promise<number> =>
  decodeSpeed(
    await streamFrom(engine, {
      messages,
      adapter: null,
      sampling: samplingFor(TOKENS),
      seed: 1,
      user: "1",
      ignoreEnd: true,
    }),
  );

/** Seconds that a training step takes, from the end of the one that runs. */
async function paceOf(training: Training): Promise<number> {
  await training.nextStep();
  const startedAt = performance.now();
  await training.nextStep();
  return (performance.now() - startedAt) / 1000;
}

/** The same while one answer after the other is written. */
async function paceBeside(training: Training, engine: LocalEngine, prompt: Prompt): Promise<number> {
  let measured = false;
  const decoding = async () => {
    while (!measured) await speedOf(engine, prompt);
  };
  const pace = paceOf(training).finally(() => {
    measured = true;
  });
  const [seconds] = await Promise.all([pace, decoding()]);
  return seconds;
}
