import { trace } from "@opentelemetry/api";
import type { Tracing } from "./otlp-export.ts";

const NAME = "patchbay";

/**
 * Spans go to this address by OTLP over HTTP; without one to the OpenTelemetry SDK that somebody has loaded into this
 * process, and without that nowhere, at no cost.
 */
export async function startTracing(url: string | null, log: (line: string) => void): Promise<Tracing> {
  if (url === null) return { tracer: trace.getTracer(NAME), close: async () => undefined };
  // Not above: 260 modules and a fifth of a second, for what few use.
  const { startExport } = await import("./otlp-export.ts");
  return startExport(NAME, url, log);
}
