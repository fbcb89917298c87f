import type { AdapterFile, LocalEngine } from "../../server/engines/index.ts";
import { copyAdapters } from "../support/adapter-copies.ts";
import { residentMiB } from "../support/resident.ts";
import { samplingFor, withEngine } from "./bench-engine.ts";
import { type Context, type Measurement, shippedAdapters } from "./context.ts";
import { withFolder } from "./folder.ts";
import { questionsFor } from "./questions.ts";
import { pause } from "./side-by-side.ts";
import { type Figure, figure, meanOf, seededRandom, zipf } from "./statistics.ts";

const ADAPTERS = 100;
const USERS = 4;
const ANSWER_TOKENS = 24;
const SAMPLE_MS = 1_000;
/** Memory of the last third of the time may be so many times that of the middle third. */
const FLAT = 1.05;
const COURSE_POINTS = 10;

/**
 * `zipf100`: share of the requests that were answered while a few people use a hundred adapters, some often and most
 * rarely (Zipf's law). Met where all were, and the model process's memory did not grow.
 */
export const hundredAdapters: Measurement = {
  units: { zipf100: "share" },
  needsPeer: false,
  measure: async (context) => ({ zipf100: await withFolder((folder) => measure(context, folder)) }),
};

interface Traffic {
  served: number;
  failures: string[];
  adaptersUsed: Set<string>;
}

function measure(context: Context, folder: string): Promise<Figure> {
  const { minutes, note } = context;
  const files = copyAdapters(
    shippedAdapters(context).map(({ file }) => file),
    folder,
    ADAPTERS,
  );
  return withEngine(context, {}, async (engine) => {
    note(`${minutes} minutes of ${USERS} people over ${ADAPTERS} adapters`);
    const until = performance.now() + minutes * 60_000;
    const traffic: Traffic = { served: 0, failures: [], adaptersUsed: new Set() };
    const people = Array.from({ length: USERS }, (_, user) =>
      askUntil(context, engine, { user, files, traffic, until }),
    );
    const memory = await memoryUntil(engine, until);
    await Promise.all(people);
    return judged(context, traffic, memory);
  });
}

interface Visit {
  user: number;
  files: AdapterFile[];
  traffic: Traffic;
  until: number;
}

/** One person, who asks again as soon as the answer is there. */
async function askUntil(context: Context, engine: LocalEngine, visit: Visit): Promise<void> {
  const { user, files, traffic, until } = visit;
  const adapters = shippedAdapters(context);
  const draw = zipf(files.length, seededRandom(user));
  const questions = adapters.map(({ summary }) => questionsFor(context, summary.id));
  for (let turn = 0; performance.now() < until; turn++) {
    const rank = draw();
    const kind = rank % adapters.length;
    const pool = questions[kind] ?? [];
    const adapter = files[rank] as AdapterFile;
    traffic.adaptersUsed.add(adapter.version);
    const messages = [
      { role: "system" as const, content: adapters[kind]?.prompt.text ?? "" },
      { role: "user" as const, content: pool[turn % pool.length] ?? "" },
    ];
    const request = { messages, adapter, sampling: samplingFor(ANSWER_TOKENS), seed: turn, user: `${user}` };
    try {
      for await (const event of engine.generate(request, new AbortController().signal))
        if (event.type === "finished" && event.completionTokens > 0) traffic.served++;
    } catch (error) {
      traffic.failures.push(error instanceof Error ? error.message : String(error));
    }
  }
}

/** The model process's memory from now until then, in MiB, at even intervals. */
async function memoryUntil(engine: LocalEngine, until: number): Promise<number[]> {
  const samples: number[] = [];
  for (; performance.now() < until; await pause(SAMPLE_MS)) samples.push(await residentMiB(engine.pid));
  return samples;
}

function judged({ note }: Context, { served, failures, adaptersUsed }: Traffic, memory: number[]): Figure {
  const third = Math.floor(memory.length / 3);
  const middle = meanOf(memory.slice(third, 2 * third));
  const last = meanOf(memory.slice(2 * third));
  const course = Array.from({ length: COURSE_POINTS }, (_, point) =>
    (memory[Math.floor((point * (memory.length - 1)) / (COURSE_POINTS - 1))] ?? Number.NaN).toFixed(0),
  );
  note(`${served} answers through ${adaptersUsed.size} adapters, ${failures.length} failures`);
  for (const message of new Set(failures)) note(`failed: ${message}`);
  note(`memory in MiB: ${course.join(" ")}`);
  note(
    `memory in the last third over that in the middle third: ${(last / middle).toFixed(3)} (at most ${FLAT})`,
  );
  const share = figure([served / (served + failures.length)], 1, "higher");
  return { ...share, met: share.met && last / middle <= FLAT };
}
