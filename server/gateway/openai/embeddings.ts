import { z } from "zod";
import { PatchbayError } from "../../protocol/index.ts";
import { badParameter, parseBody, unsupportedParameter } from "./parse-body.ts";

/** Turns texts into vectors of one length, a vector for each text. @throws {PatchbayError} `embedder-unavailable` */
export type Embed = (texts: string[]) => Promise<Float32Array[]>;

export const EMBEDDER = "embedder";
const MAX_TEXTS = 2048;

const text = z.string().min(1, "has to have some text in it");
const Body = z.strictObject({
  model: z.string(),
  input: z.union(
    [text, z.array(text).min(1).max(MAX_TEXTS), z.array(z.union([z.int(), z.array(z.int())])).min(1)],
    `has to be a text or a list of 1 to ${MAX_TEXTS} texts`,
  ),
  encoding_format: z.enum(["float", "base64"]).default("float"),
  dimensions: z.int().min(1).optional(),
  user: z.string().optional(),
});

/**
 * `POST /v1/embeddings`. base64 holds the numbers as 32-bit floats, the least significant byte first.
 * @throws {PatchbayError} `bad-request`, `parameter-unsupported`, `adapter-unknown`, `embedder-unavailable`
 */
export async function embeddings(embed: Embed, raw: unknown) {
  const { model, input, encoding_format: encoding, dimensions } = parseBody(Body, raw);
  if (model !== EMBEDDER)
    throw new PatchbayError("adapter-unknown", `"${model}" makes no embeddings.`, {
      hint: `Did you mean "${EMBEDDER}"?`,
    });
  const texts = textsOf(input);
  const vectors = await embed(texts);
  const length = vectors[0]?.length ?? 0;
  if (dimensions !== undefined && dimensions !== length)
    throw badParameter("dimensions", `Invalid value for 'dimensions': this embedder has ${length}.`);
  return {
    object: "list",
    model: EMBEDDER,
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: encoding === "base64" ? toBase64(vector) : [...vector],
    })),
  };
}

function textsOf(input: z.infer<typeof Body>["input"]): string[] {
  if (typeof input === "string") return [input];
  if (input.every((each) => typeof each === "string")) return input;
  throw unsupportedParameter("input", "Token ids belong to another model's vocabulary: send texts.");
}

function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => void bytes.writeFloatLE(value, index * 4));
  return bytes.toString("base64");
}
