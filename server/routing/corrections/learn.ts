import fs from "node:fs";
import path from "node:path";
import type { Embedder } from "../embedder/embedder.ts";
import { type RoutingRow, readEasyCases, readExamples, readHeldOut, readRoutingRows } from "../examples.ts";
import { lastWithSubject } from "../follow-up.ts";
import type { Head } from "../head.ts";
import { readHeadFile } from "../head-file.ts";
import { embeddingsOfTexts, headOf, type LoadOptions, learningAids } from "../load.ts";
import { turnOf } from "../policy.ts";
import { headVersion, trainHead } from "../train.ts";
import { type Embeddings, textsToEmbed } from "../turn.ts";
import { correctedExamples, type StatedCorrection, withCorrections } from "./corrected-examples.ts";
import { type GateMaterial, type GateReport, judgeGate, measure } from "./gate.ts";

/** The head that decides now. */
export interface LiveHead {
  file: string;
  hears: "words" | "meaning";
  /** Version of the head that the examples make beside which it may stay. */
  standsBeside: string;
  /** Those that counted when it was made. */
  corrections: readonly { id: string; expert: string }[];
}

export interface LearnOptions extends LoadOptions {
  /** Those that count. */
  corrections: readonly StatedCorrection[];
  live: LiveHead | null;
  /** Versions that were refused beside the live head: they would be again. */
  refused: readonly string[];
}

/** What can be made of examples and corrections; plain data, for it comes out of a thread. */
export type Lesson =
  /** The live head has learnt all there is. */
  | { is: "known" }
  | {
      is: "learnt";
      /** Version that stands for the examples alone. */
      examples: string;
      /** The head of the examples alone, where it has to take the place of the live one. */
      plain: Head | null;
      /** The head that has learnt the corrections too; null where there is nothing to learn of them. */
      candidate: Candidate | null;
      /** Texts left out because people disagree. */
      disputed: number;
    };

export interface Candidate {
  head: Head;
  gate: GateReport;
  /** How many texts it has learnt from corrections. */
  texts: number;
}

export type Learn = (options: LearnOptions) => Promise<Lesson>;

/**
 * Learns the adapters' examples and, on top, what people have corrected. Where that does not pass the gate, or there are no
 * corrections, and the live head is of other examples, the head of the examples alone is what is left.
 * @throws {PatchbayError} `data-invalid` for a malformed example
 */
export async function learn({ corrections, live, refused, ...options }: LearnOptions): Promise<Lesson> {
  const { adapterIds, encoder, cacheDir } = options;
  const examples = readExamples(options, adapterIds);
  const version = headVersion(examples);
  const stands = live?.standsBeside === version && (live.hears === "meaning" || !encoder);
  if (stands && sameCorrections(live.corrections, corrections)) return { is: "known" };
  const plain = await headOf(examples, options);
  const { examples: corrected, disputed } = correctedExamples(corrections, adapterIds);
  const lesson = { is: "learnt", examples: version, disputed } as const;
  if (corrected.length === 0) return { ...lesson, plain, candidate: null };
  const all = withCorrections(examples, corrected);
  const left = stands ? null : plain;
  if (refused.includes(headVersion(all, { hears: encoder ? "meaning" : "words" })))
    return { ...lesson, plain: left, candidate: null };
  const material = readMaterial(options);
  const head = trainHead(all, await learningAids(all, encoder, cacheDir));
  const measured = async (some: Head) => {
    const heard = encoder && (await embeddingsOfTexts(textsOfMaterial(material, some), encoder, cacheDir));
    return measure(some, material, heard && knowing(heard));
  };
  const liveHead = live && readHeadFile(live.file);
  // One that chooses between other experts cannot be compared.
  const isAlike = liveHead?.labels.join() === head.labels.join();
  const gate = judgeGate(
    await measured(head),
    { examples: await measured(plain), live: liveHead && isAlike ? await measured(liveHead) : null },
    material,
    corrected.map(({ text }) => text),
  );
  const texts = corrected.filter(({ before }) => !before).length;
  return { ...lesson, plain: gate.passed ? null : left, candidate: { head, gate, texts } };
}

function sameCorrections(
  learnt: LiveHead["corrections"],
  now: readonly { id: string; expert: string }[],
): boolean {
  const names = (corrections: LiveHead["corrections"]) =>
    corrections
      .map(({ id, expert }) => `${id} ${expert}`)
      .sort()
      .join();
  return names(learnt) === names(now);
}

/** Rows about experts that are plugged in. */
function readMaterial({ adapterIds, ...folders }: LoadOptions): GateMaterial {
  const known = (label: string | null) => label === null || adapterIds.includes(label);
  const dialogues = path.join(folders.backgroundDir, "dialogues.jsonl");
  const spoken: RoutingRow[] = fs.existsSync(dialogues) ? readRoutingRows(dialogues) : [];
  return {
    heldOut: [
      ...readHeldOut(folders, adapterIds),
      ...spoken.filter((row) => "turns" in row && row.turns.every(({ label }) => known(label))),
    ],
    easy: readEasyCases(folders).filter(({ label }) => known(label)),
  };
}

/** As the head hears them. */
function textsOfMaterial({ heldOut, easy }: GateMaterial, head: Head): string[] {
  const requests = [...heldOut, ...easy].flatMap((row) => {
    if (!("turns" in row)) return [[{ role: "user" as const, text: row.text }]];
    const said = row.turns.map(({ user }) => ({ role: "user" as const, text: user }));
    return said.map((_, at) => said.slice(0, at + 1));
  });
  return requests.flatMap((turns) => {
    const turn = turnOf(head, { turns, previous: null });
    return [turn, lastWithSubject(turn)].flatMap(textsToEmbed);
  });
}

/** Vectors that were made before; a text without one is read by its words. */
const knowing = (embeddings: Embeddings): Embedder => ({
  state: "ready",
  embed: async (texts) => texts.map((text) => embeddings(text) ?? new Float32Array()),
  close: async () => undefined,
});
