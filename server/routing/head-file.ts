import fs from "node:fs";
import { z } from "zod";
import { BASE, PatchbayError } from "../protocol/index.ts";
import { BUCKETS, FEATURES_VERSION } from "./features.ts";
import { GATE_BUCKETS } from "./gate.ts";
import type { Head } from "./head.ts";
import type { LinearModel } from "./linear-model.ts";
import { gatedCount, leavingCount, PARTS, type Reading, type Rule } from "./scores.ts";

/** Changes whenever older files can no longer be read. */
const FORMAT_VERSION = 4;

const bytesOf = (array: Float32Array | Uint32Array | Uint16Array | Int8Array): string =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");

/** Base64 of little-endian numbers, as every machine that runs Node.js keeps them. */
const numbers = <T extends Float32Array | Uint32Array | Uint16Array | Int8Array>(kind: {
  new (buffer: ArrayBuffer): T;
  readonly BYTES_PER_ELEMENT: number;
}) =>
  z.base64().transform((text, context) => {
    const bytes = Buffer.from(text, "base64");
    const whole = bytes.length % kind.BYTES_PER_ELEMENT === 0;
    // Decoded into memory of its own, so that the numbers are aligned.
    const array = whole && new kind(Uint8Array.from(bytes).buffer);
    if (array && (array as Float32Array).every(Number.isFinite)) return array;
    context.addIssue({ code: "custom", message: "must be whole, finite numbers" });
    return z.NEVER;
  });

const Mixture = z.object({ scales: z.array(z.number().nonnegative()), background: z.number() });
const RuleFile = z.object({ mixture: Mixture, thresholds: z.array(z.number().min(0).max(1)) });
const LaterRuleFile = RuleFile.extend({ leaving: Mixture });
const ReadingFile = z.object({ first: RuleFile, later: LaterRuleFile.nullable() });

/** Of the upper half of a 32-bit float: one whose exponent is all ones is infinite, or no number. */
const isFiniteHalf = (half: number): boolean => (half & 0x7f80) !== 0x7f80;

/** A linear model's buckets that say anything; weights are the upper halves of 32-bit floats. */
const Sparse = z.object({
  bias: numbers(Float32Array),
  buckets: numbers(Uint32Array),
  weights: numbers(Uint16Array).refine((halves) => halves.every(isFiniteHalf), "must be finite numbers"),
});
type Sparse = z.output<typeof Sparse>;

const HeadFile = z.object({
  format: z.literal("patchbay-router-head"),
  formatVersion: z.literal(FORMAT_VERSION),
  features: z.literal(FEATURES_VERSION),
  version: z.string().min(1),
  labels: z.array(z.string().min(1)).min(1),
  /** Words of the examples with how often they have them, and further words of the language in one string. */
  vocabulary: z
    .object({ seen: z.array(z.tuple([z.string().min(1), z.number().int().positive()])), known: z.string() })
    .transform(
      ({ seen, known }) =>
        new Map([
          ...known.split(" ").flatMap((word): [string, number][] => (word ? [[word, 0]] : [])),
          ...seen,
        ]),
    ),
  ngrams: Sparse,
  meaning: z
    .object({
      mean: numbers(Float32Array),
      bias: numbers(Float32Array),
      weights: numbers(Float32Array),
      centres: numbers(Int8Array),
      owners: numbers(Uint16Array),
      counts: numbers(Float32Array).refine(
        (counts) => counts.every((count) => count >= 0),
        "must not be negative",
      ),
    })
    .nullable(),
  gate: Sparse.nullable(),
  byWords: ReadingFile,
  byAll: ReadingFile.nullable(),
});
type HeadFile = z.output<typeof HeadFile>;

/** One JSON object. */
export function serializeHead({ vocabulary, ngrams, meaning, gate, ...head }: Head): string {
  const file: z.input<typeof HeadFile> = {
    format: "patchbay-router-head",
    formatVersion: FORMAT_VERSION,
    features: FEATURES_VERSION,
    ...head,
    vocabulary: {
      seen: [...vocabulary].filter(([, times]) => times > 0),
      known: [...vocabulary].flatMap(([word, times]) => (times > 0 ? [] : [word])).join(" "),
    },
    ngrams: pack(ngrams),
    gate: gate && pack(gate),
    meaning: meaning && {
      mean: bytesOf(meaning.mean),
      bias: bytesOf(meaning.linear.bias),
      weights: bytesOf(meaning.linear.weights),
      centres: bytesOf(meaning.prototypes.centres),
      owners: bytesOf(meaning.prototypes.owners),
      counts: bytesOf(meaning.prototypes.counts),
    },
  };
  return `${JSON.stringify(file)}\n`;
}

/** @param source what to call the text in an error. @throws {PatchbayError} `data-invalid` */
export function parseHead(text: string, source = "The router's head"): Head {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(`${source} is not JSON.`);
  }
  const parsed = HeadFile.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`${source}: ${issue?.path.join(".") || "file"}: ${issue?.message}.`);
  }
  const fault = faultOf(parsed.data);
  if (fault) throw invalid(`${source}: ${fault}.`);
  return unpack(parsed.data);
}

/** Null where there is none, or a damaged one, which is then made anew. */
export function readHeadFile(file: string): Head | null {
  if (!fs.existsSync(file)) return null;
  try {
    return parseHead(fs.readFileSync(file, "utf8"), file);
  } catch (error) {
    if (error instanceof PatchbayError) return null;
    throw error;
  }
}

const invalid = (message: string): PatchbayError =>
  new PatchbayError("data-invalid", message, { hint: "Train it again with: npx patchbay router train" });

/** What does not fit together, or null. */
function faultOf({ labels, ngrams, meaning, gate, byWords, byAll }: HeadFile): string | null {
  const classes = labels.length;
  if (labels.at(-1) !== BASE || new Set(labels).size !== classes)
    return `labels must all differ, ${BASE} last`;
  const fault =
    faultOfSparse("ngrams", ngrams, classes, BUCKETS) ??
    (gate && faultOfSparse("gate", gate, 2, GATE_BUCKETS));
  if (fault) return fault;
  if ((gate === null) !== (byWords.later === null)) return "gate and byWords.later need each other";
  if ((meaning === null) !== (byAll === null)) return "meaning and byAll need each other";
  return faultOfReadings(byWords, byAll, classes) ?? (meaning && faultOfMeaning(meaning, classes));
}

function faultOfSparse(
  name: string,
  { buckets, weights, bias }: Sparse,
  classes: number,
  size: number,
): string | null {
  if (bias.length !== classes) return `${name}.bias must have one number a label`;
  if (weights.length !== buckets.length * classes)
    return `${name}.weights must have one number a bucket and label`;
  return buckets.some((bucket) => bucket >= size) ? `${name}.buckets must lie below ${size}` : null;
}

function faultOfReadings(byWords: Reading, byAll: Reading | null, classes: number): string | null {
  if (byAll && (byWords.later === null) !== (byAll.later === null))
    return "byWords and byAll must know conversations alike";
  for (const [reading, by] of [
    [byWords, "words"],
    [byAll, "all"],
  ] as const) {
    if (!reading) continue;
    const { first, later } = reading;
    const opinions = PARTS.later[by];
    const fault =
      faultOfRule(first, classes, PARTS.first[by]) ??
      (later && faultOfRule(later, classes, gatedCount(opinions)));
    if (fault) return fault;
    if (later && later.leaving.scales.length !== leavingCount(opinions))
      return "leaving must have one number a part";
  }
  return null;
}

function faultOfRule({ mixture, thresholds }: Rule, classes: number, parts: number): string | null {
  if (thresholds.length !== classes - 1) return "thresholds must have one number a domain";
  return mixture.scales.length === parts ? null : "scales must have one number a part";
}

function faultOfMeaning(meaning: NonNullable<HeadFile["meaning"]>, classes: number): string | null {
  const { mean, bias, weights, centres, owners, counts } = meaning;
  if (bias.length !== classes) return "meaning.bias must have one number a label";
  if (mean.length === 0 || ![1, 3].includes(weights.length / (mean.length * classes)))
    return "meaning.weights must have one number a dimension and label, or three";
  if (centres.length !== owners.length * mean.length || counts.length !== owners.length)
    return "meaning.centres, owners and counts must be of as many prototypes";
  return owners.some((owner) => owner >= classes) ? "meaning.owners must be labels" : null;
}

function unpack({ version, labels, vocabulary, ngrams, meaning, gate, byWords, byAll }: HeadFile): Head {
  const classes = labels.length;
  return {
    version,
    labels,
    vocabulary,
    ngrams: unpackSparse(ngrams, classes, BUCKETS),
    gate: gate && unpackSparse(gate, 2, GATE_BUCKETS),
    meaning: meaning && {
      mean: meaning.mean,
      linear: { classes, weights: meaning.weights, bias: meaning.bias },
      prototypes: {
        classes,
        dimensions: meaning.mean.length,
        centres: meaning.centres,
        owners: meaning.owners,
        counts: meaning.counts,
      },
    },
    byWords,
    byAll,
  };
}

function pack({ classes, weights, bias }: LinearModel) {
  const bits = new Uint32Array(weights.buffer, weights.byteOffset, weights.length);
  const speaks = (bucket: number): boolean => {
    for (let c = 0; c < classes; c++) if (bits[bucket * classes + c]) return true;
    return false;
  };
  const buckets = Uint32Array.from(Array(weights.length / classes).keys()).filter(speaks);
  const packed = new Uint16Array(buckets.length * classes);
  for (const [at, bucket] of buckets.entries())
    for (let c = 0; c < classes; c++)
      packed[at * classes + c] = (bits[bucket * classes + c] as number) >>> 16;
  return { bias: bytesOf(bias), buckets: bytesOf(buckets), weights: bytesOf(packed) };
}

function unpackSparse({ bias, buckets, weights }: Sparse, classes: number, size: number): LinearModel {
  const bits = new Uint32Array(size * classes);
  for (const [at, bucket] of buckets.entries())
    for (let c = 0; c < classes; c++)
      bits[bucket * classes + c] = (weights[at * classes + c] as number) << 16;
  return { classes, weights: new Float32Array(bits.buffer), bias };
}
