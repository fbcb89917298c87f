import { type Tracer, trace } from "@opentelemetry/api";

const NAME = "patchbay";

export interface Tracing {
  tracer: Tracer;
  /** Sends what is still to be sent, if that goes quickly. */
  close(): Promise<void>;
}

/**
 * Spans go to this address by OTLP over HTTP; without one to the OpenTelemetry SDK that somebody has loaded into this
 * process, and without that nowhere, at no cost.
 */
export async function startTracing(url: string | null, log: (line: string) => void): Promise<Tracing> {
  if (url === null) return { tracer: trace.getTracer(NAME), close: async () => undefined };
  // Not above: 70 modules that few need.
  const { startExport } = await import("./otlp-export.ts");
  return startExport(NAME, url, log);
}
