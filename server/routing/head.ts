import { BASE } from "../protocol/index.ts";
import type { Gate } from "./gate.ts";
import type { LinearModel } from "./linear-model.ts";
import type { Prototypes } from "./prototypes.ts";
import type { MeaningModel, Reading, Rule } from "./scores.ts";
import type { Vocabulary } from "./speller.ts";

/** A trained classifier: everything that turns a turn into probabilities, and those into a choice. */
export interface Head {
  /** Short content hash of what it was trained on and how. */
  version: string;
  /** The domains in alphabetical order, then `base`, the background class. */
  labels: string[];
  /** So that slips can be told from new words; empty where nothing is taken for a slip. */
  vocabulary: Vocabulary;
  /** Over hashed words and character n-grams. */
  ngrams: LinearModel;
  /** Over embeddings; null where it was trained without. */
  meaning: MeaningModel | null;
  /** Over turns in mid-conversation; null where it has not learnt from conversations. */
  gate: Gate | null;
  /** How it reads a turn by its words alone, and with its embedding. */
  byWords: Reading;
  byAll: Reading | null;
}

/** The same head, choosing between fewer domains; the background stays. */
export function restrictHead(head: Head, domains: readonly string[]): Head {
  const kept = head.labels.flatMap((label, at) => (label === BASE || domains.includes(label) ? [at] : []));
  if (kept.length === head.labels.length) return head;
  const { meaning } = head;
  return {
    ...head,
    labels: kept.map((at) => head.labels[at] ?? BASE),
    ngrams: restrictModel(head.ngrams, kept),
    meaning: meaning && {
      mean: meaning.mean,
      linear: restrictModel(meaning.linear, kept),
      prototypes: restrictPrototypes(meaning.prototypes, kept),
    },
    byWords: restrictReading(head.byWords, kept),
    byAll: head.byAll && restrictReading(head.byAll, kept),
  };
}

function restrictModel({ classes, weights, bias }: LinearModel, kept: readonly number[]): LinearModel {
  const places = weights.length / classes;
  const fewer = new Float32Array(places * kept.length);
  for (let place = 0; place < places; place++)
    for (const [to, from] of kept.entries())
      fewer[place * kept.length + to] = weights[place * classes + from] as number;
  return { classes: kept.length, weights: fewer, bias: Float32Array.from(kept, (at) => bias[at] ?? 0) };
}

function restrictPrototypes(prototypes: Prototypes, kept: readonly number[]): Prototypes {
  const { dimensions, centres, owners, counts } = prototypes;
  const left = [...owners.keys()].filter((at) => kept.includes(owners[at] as number));
  const fewer = new Int8Array(left.length * dimensions);
  for (const [to, from] of left.entries())
    fewer.set(centres.subarray(from * dimensions, (from + 1) * dimensions), to * dimensions);
  return {
    classes: kept.length,
    dimensions,
    centres: fewer,
    owners: Uint16Array.from(left, (at) => kept.indexOf(owners[at] as number)),
    counts: Float32Array.from(left, (at) => counts[at] as number),
  };
}

const restrictReading = ({ first, later }: Reading, kept: readonly number[]): Reading => ({
  first: restrictRule(first, kept),
  later: later && { ...later, ...restrictRule(later, kept) },
});

const restrictRule = ({ mixture, thresholds }: Rule, kept: readonly number[]): Rule => ({
  mixture,
  thresholds: kept.slice(0, -1).map((at) => thresholds[at] ?? 1),
});
