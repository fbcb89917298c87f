import { z } from "zod";

/** Whose trace something is part of, as HTTP headers carry it: https://www.w3.org/TR/trace-context/ */
export const TraceHeaders = z.object({
  traceparent: z.string().regex(/^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/),
  tracestate: z.string().max(512).exactOptional(),
});
export type TraceHeaders = z.infer<typeof TraceHeaders>;
