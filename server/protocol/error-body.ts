import { z } from "zod";
import { type ErrorBody, type ErrorCode, errorTable } from "./errors.ts";

/** Apart from errors.ts, whose values the page has, while it has no schemas. */
export const errorBody = z.object({
  code: z.enum(Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  /** What to do about it. */
  hint: z.string().exactOptional(),
  details: z.unknown().exactOptional(),
}) satisfies z.ZodType<ErrorBody>;
