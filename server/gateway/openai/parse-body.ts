import type { z } from "zod";
import { PatchbayError } from "../../protocol/index.ts";

/**
 * Reads a request's body; `null` at its top level is the same as leaving a parameter out.
 * @throws {PatchbayError} `bad-request` that names the parameter in `details.param`
 */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new PatchbayError("bad-request", "The body has to be a JSON object.", {
      hint: "Send it with the header Content-Type: application/json.",
    });
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const { path, issue } = deepest(parsed.error.issues[0]);
  if (issue?.code === "unrecognized_keys") {
    const param = paramOf([...path, ...issue.keys.slice(0, 1)]);
    throw badParameter(param, `Unrecognized request argument supplied: ${param}.`);
  }
  const param = paramOf(path);
  throw badParameter(param, `Invalid value for '${param}': ${issue?.message ?? "not valid"}.`);
}

export const badParameter = (param: string, message: string): PatchbayError =>
  new PatchbayError("bad-request", message, { details: { param } });

export const unsupportedParameter = (param: string, message: string): PatchbayError =>
  new PatchbayError("parameter-unsupported", message, { details: { param } });

interface Located {
  issue: z.core.$ZodIssue | undefined;
  path: PropertyKey[];
}

/** Where several forms are allowed, the one that was meant is that which went furthest before it failed. */
function deepest(issue: z.core.$ZodIssue | undefined, above: PropertyKey[] = []): Located {
  const here = { issue, path: [...above, ...(issue?.path ?? [])] };
  if (issue?.code !== "invalid_union") return here;
  const inner = issue.errors.flatMap((issues) => issues.slice(0, 1)).map((each) => deepest(each, here.path));
  const furthest = inner.reduce((best, each) => (each.path.length > best.path.length ? each : best), here);
  return furthest;
}

/** `messages[0].content`, as OpenAI writes it. */
const paramOf = (path: PropertyKey[]): string =>
  path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : `${index > 0 ? "." : ""}${String(part)}`))
    .join("");
