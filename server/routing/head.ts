import { z } from "zod";
import { BASE, PatchbayError } from "../protocol/index.ts";
import { BUCKETS, FEATURES_VERSION } from "./features.ts";
import type { LinearModel } from "./logistic.ts";

/** A trained classifier: everything that turns a vector into probabilities, and those into a choice. */
export interface Head {
  /** Short content hash of what it was trained on and how. */
  version: string;
  /** The domains in alphabetical order, then `base`, the background class. */
  labels: string[];
  model: LinearModel;
  /** Divides the scores, so that a confidence of 0.8 is right about 8 times in 10. */
  temperature: number;
  /** Below this probability no domain is chosen. */
  threshold: number;
}

const Floats = z.base64().transform((text, context) => {
  const bytes = Buffer.from(text, "base64");
  const floats = Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) =>
    bytes.readFloatLE(4 * i),
  );
  if (bytes.length % 4 === 0 && floats.every(Number.isFinite)) return floats;
  context.addIssue({ code: "custom", message: "must be whole, finite 32-bit floats" });
  return z.NEVER;
});

const HeadFile = z
  .object({
    format: z.literal("patchbay-router-head"),
    features: z.literal(FEATURES_VERSION),
    version: z.string().min(1),
    labels: z.array(z.string().min(1)).min(1),
    temperature: z.number().positive(),
    threshold: z.number().min(0).max(1),
    bias: Floats,
    weights: Floats,
  })
  .refine(({ labels }) => labels.at(-1) === BASE && new Set(labels).size === labels.length, {
    path: ["labels"],
    message: `must all differ, ${BASE} last`,
  })
  .refine(({ labels, bias }) => bias.length === labels.length, {
    path: ["bias"],
    message: "must have one number a label",
  })
  .refine(({ labels, weights }) => weights.length === labels.length * BUCKETS, {
    path: ["weights"],
    message: `must have ${BUCKETS} numbers a label`,
  });

/** The same head, choosing between fewer domains; the background stays. */
export function restrictHead(head: Head, domains: readonly string[]): Head {
  const kept = head.labels.flatMap((label, at) => (label === BASE || domains.includes(label) ? [at] : []));
  if (kept.length === head.labels.length) return head;
  const { classes, weights, bias } = head.model;
  const model: LinearModel = {
    classes: kept.length,
    weights: new Float32Array(BUCKETS * kept.length),
    bias: Float32Array.from(kept, (label) => bias[label] ?? 0),
  };
  for (let bucket = 0; bucket < BUCKETS; bucket++)
    for (const [to, from] of kept.entries())
      model.weights[bucket * kept.length + to] = weights[bucket * classes + from] ?? 0;
  return { ...head, labels: kept.map((at) => head.labels[at] ?? BASE), model };
}

/** One JSON object; floats are base64 of little-endian 32-bit numbers. */
export function serializeHead({ version, labels, model, temperature, threshold }: Head): string {
  const file: z.input<typeof HeadFile> = {
    format: "patchbay-router-head",
    features: FEATURES_VERSION,
    version,
    labels,
    temperature,
    threshold,
    bias: toBase64(model.bias),
    weights: toBase64(model.weights),
  };
  return `${JSON.stringify(file)}\n`;
}

/** @param source what to call the text in an error. @throws {PatchbayError} `data-invalid` */
export function parseHead(text: string, source = "The router's head"): Head {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PatchbayError("data-invalid", `${source} is not JSON.`, { hint });
  }
  const parsed = HeadFile.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new PatchbayError(
      "data-invalid",
      `${source}: ${issue?.path.join(".") || "file"}: ${issue?.message}.`,
      { hint },
    );
  }
  const { version, labels, temperature, threshold, bias, weights } = parsed.data;
  return { version, labels, temperature, threshold, model: { classes: labels.length, weights, bias } };
}

const hint = "Train it again with: npx patchbay router train";

function toBase64(floats: Float32Array): string {
  const bytes = Buffer.alloc(4 * floats.length);
  floats.forEach((float, i) => {
    bytes.writeFloatLE(float, 4 * i);
  });
  return bytes.toString("base64");
}
