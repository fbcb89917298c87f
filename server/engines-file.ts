import fs from "node:fs";
import { z } from "zod";
import { PatchbayError } from "./protocol/index.ts";

/** The model on this machine, in an order. */
export const LOCAL = "local";

const baseURL = z.url({ protocol: /^https?$/, error: "an address such as http://gpu-box:8000/v1" });
const seconds = (most: number) => z.number().positive().max(most);
/** Adapter versions by the model names that the server has for them. */
const served = z
  .record(z.string().regex(/^[a-z][a-z0-9-]*@\d+$/, "a version such as support@1"), z.string().min(1))
  .default({});

const common = {
  model: z.string().min(1),
  apiKey: z.string().min(1).optional(),
  /** For a million tokens. */
  price: z
    .strictObject({
      prompt: z.number().min(0),
      cached: z.number().min(0).optional(),
      completion: z.number().min(0),
    })
    .optional(),
  // The platform's fetch gives up after 300 s by itself.
  firstTokenSeconds: seconds(290).default(60),
  betweenTokensSeconds: seconds(290).default(30),
  retries: z.number().int().min(0).max(5).default(2),
  /** Fields that each request carries besides; null leaves one out. */
  params: z.record(z.string(), z.unknown()).default({}),
};

/** A folder that this machine and the engine's share, for PEFT copies of the adapters. */
const loadAdapters = z
  .strictObject({
    folder: z.string().min(1),
    /** Its path on the engine's machine. */
    seenAs: z.string().min(1).optional(),
  })
  .optional();

const EngineEntry = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("openai"),
    baseURL: baseURL.default("https://api.openai.com/v1"),
    adapters: served,
    ...common,
  }),
  z.strictObject({ type: z.literal("vllm"), baseURL, adapters: served, loadAdapters, ...common }),
  z.strictObject({ type: z.literal("sglang"), baseURL, adapters: served, loadAdapters, ...common }),
  z.strictObject({
    type: z.literal("llama-server"),
    baseURL,
    ...common,
    model: common.model.default("default"),
  }),
  z.strictObject({
    type: z.literal("huggingface"),
    /** Of an endpoint of your own; without one, `provider` is asked by way of Hugging Face. */
    endpointUrl: baseURL.optional(),
    provider: z.string().min(1).default("auto"),
    adapters: served,
    ...common,
  }),
]);

const EnginesFile = z.strictObject({
  engines: z.record(
    z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, "lower-case letters, digits and dashes"),
    EngineEntry,
  ),
  /** By domain, `default` for all others. */
  order: z.record(z.string(), z.array(z.string()).min(1)).default({}),
  /** Answers that wait for the model on this machine, from which on the next engine is asked first. */
  saturatedAt: z.number().int().min(1).default(4),
});

export type EngineEntry = z.output<typeof EngineEntry>;
export type EnginesFile = z.output<typeof EnginesFile>;

/**
 * Engines elsewhere and who is asked first: docs/engines.md. `${NAME}` in a text stands for an environment variable, so
 * that no key has to be in the file.
 * @throws {PatchbayError} `bad-request` that names the file, the place in it and what to do
 */
export function readEnginesFile(file: string, env: Record<string, string | undefined>): EnginesFile {
  const invalid = (problem: string) =>
    new PatchbayError("bad-request", `${file}: ${problem}`, { hint: "docs/engines.md has examples." });
  const parsed = EnginesFile.safeParse(withVariables(parseJson(file, invalid), env, invalid));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`${issue?.path.join(".") || "the file"}: ${issue?.message}`);
  }
  const { engines, order } = parsed.data;
  if (LOCAL in engines) throw invalid(`engines.${LOCAL}: this name means the model on this machine.`);
  for (const [domain, names] of Object.entries(order)) {
    const unknown = names.find((name) => name !== LOCAL && !(name in engines));
    if (unknown !== undefined)
      throw invalid(
        `order.${domain}: there is no engine "${unknown}"; there are ${[LOCAL, ...Object.keys(engines)].join(", ")}.`,
      );
  }
  return parsed.data;
}

function parseJson(file: string, invalid: (problem: string) => PatchbayError): unknown {
  let text: string;
  try {
    text = fs.readFileSync(file, "utf8");
  } catch (error) {
    throw invalid(`cannot be read (${(error as Error).message}). PATCHBAY_ENGINES names it.`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`is not JSON: ${(error as Error).message}`);
  }
}

/** Replaces variables in every text, however deep. */
function withVariables(
  value: unknown,
  env: Record<string, string | undefined>,
  invalid: (problem: string) => PatchbayError,
): unknown {
  if (typeof value === "string")
    return value.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const found = env[name];
      if (!found) throw invalid(`the environment variable ${name} is not set. Set it and start again.`);
      return found;
    });
  if (Array.isArray(value)) return value.map((inner) => withVariables(inner, env, invalid));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, withVariables(inner, env, invalid)]),
  );
}

/** Without a setting, the model on this machine comes first. */
export const defaultOrder = ({ engines, order }: EnginesFile): string[] =>
  order.default ?? [LOCAL, ...Object.keys(engines)];
