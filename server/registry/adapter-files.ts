import { z } from "zod";
import { AdapterId } from "../protocol/index.ts";

const Ordinal = z.number().int().min(1);
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, "not a SHA-256");

/** `adapters/<id>/adapter.json`: what an adapter is and how it is used; written by hand. */
export const Manifest = z.strictObject({
  id: AdapterId,
  title: z.string().min(1).max(40),
  description: z.string().min(1).max(200),
  /** Colour of its jack and cable, as #rrggbb. */
  colour: z.string().regex(/^#[0-9a-fA-F]{6}$/, "not a colour like #2f7d5b"),
  /** File name in prompts/. */
  prompt: z.string().regex(/^[a-z0-9-]+\.md$/),
  /** A quiet standing line under every answer. */
  notice: z.string().max(200).nullable().default(null),
  /** Questions that show what it is for, on the empty page. */
  examples: z.array(z.string().min(1).max(120)).max(4).default([]),
  sampling: z.strictObject({
    temperature: z.number().min(0).max(2),
    topP: z.number().gt(0).max(1),
    topK: z.number().int().min(0),
    minP: z.number().min(0).max(1),
    repeatPenalty: z.number().min(1).max(2),
    maxTokens: z.number().int().min(1).max(8192),
  }),
  /** What a first user turn is to be told apart by; training teaches it beside the answers, evaluation measures it. */
  labelTask: z
    .strictObject({
      question: z.string().min(1).max(300),
      labels: z.array(z.string().min(1).max(60)).min(2).max(100),
    })
    .nullable()
    .default(null),
  /**
   * Ordinals of the versions that serve, one for each base model: which one is for which base stands in their cards. A
   * single one may stand by itself, as may null before the first training.
   */
  current: z.union([
    Ordinal.transform((ordinal) => [ordinal]),
    z.null().transform((): number[] => []),
    z.array(Ordinal),
  ]),
});
export type Manifest = z.infer<typeof Manifest>;

/** `adapters/<id>/versions/<first 16 digits of sha256>.json`: where a version comes from; written by training. */
export const VersionCard = z.object({
  ordinal: Ordinal,
  sha256: Sha256,
  bytes: z.number().int(),
  base: z.object({ name: z.string(), sha256: Sha256 }),
  dataSha256: Sha256,
  promptSha256: Sha256,
  configSha256: Sha256,
  config: z.record(z.string(), z.unknown()),
  /** Mean negative log-likelihood of an answer's token over the held-out rows, in nats. */
  heldOutLoss: z.object({ base: z.number(), adapter: z.number() }),
  heldOutRows: z.number().int(),
  trainRows: z.number().int(),
  /** Tokens of answers in the rows. */
  trainTokens: z.number().int(),
  /** Tokens that training read, prompts included, over all steps. */
  tokensTrained: z.number().int().optional(),
  steps: z.number().int(),
  seconds: z.number(),
  lossCurve: z.array(z.object({ step: z.number(), loss: z.number() })),
  /** How near the served model comes to the trained one on held-out answers, where it was compared. */
  parity: z
    .object({
      rows: z.number(),
      tokens: z.number(),
      sameTop: z.number(),
      sameClearTop: z.number().optional(),
      clearTokens: z.number().optional(),
      meanDifference: z.number(),
    })
    .optional(),
  /** How many of the rows transformers' own tokenizer makes the same tokens of, where it was asked. */
  tokenCheck: z.object({ rows: z.number(), equal: z.number() }).optional(),
  /** Versions of its libraries, and the device and number format that it trained in. */
  trainer: z.record(z.string(), z.string()),
  trainedAt: z.string(),
});
export type VersionCard = z.infer<typeof VersionCard>;

/** Files of a version are named by content, since the model process caches adapters by path. */
export const versionFileStem = (sha256: string): string => sha256.slice(0, 16);

const EVALUATION = ".eval";
/** Of a version's evaluation, which lies beside its card as .json and .html. */
export const evaluationFileStem = (sha256: string): string => `${versionFileStem(sha256)}${EVALUATION}`;

/** Whether a file below versions/ is a version's card. */
export const isCardFile = (name: string): boolean =>
  name.endsWith(".json") && !name.endsWith(`${EVALUATION}.json`);
