import { setTimeout as sleep } from "node:timers/promises";
import type { Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base";

/** A collector that does not answer does not hold up the end of the server for longer. */
const LAST_WORDS_MS = 3_000;

export interface Tracing {
  tracer: Tracer;
  /** Sends what is still to be sent, if that goes quickly. */
  close(): Promise<void>;
}

/** The SDK reads its other settings (sampler, batches, headers, resource) from the environment by itself. */
export function startExport(name: string, url: string, log: (line: string) => void): Tracing {
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": name }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(telling(new OTLPTraceExporter({ url }), url, log))],
  });
  return {
    tracer: provider.getTracer(name),
    close: async () => {
      const patience = new AbortController();
      const shutdown = provider.shutdown().catch((error: Error) => log(`traces: ${error.message}`));
      await Promise.race([shutdown, sleep(LAST_WORDS_MS, undefined, { signal: patience.signal })]);
      patience.abort();
    },
  };
}

/** The same exporter, which tells when it begins to fail and when it works again. */
function telling(exporter: SpanExporter, url: string, log: (line: string) => void): SpanExporter {
  let fails = false;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error && !fails) log(`traces cannot be sent to ${url}: ${result.error.message}`);
        if (!result.error && fails) log(`traces are sent to ${url} again`);
        fails = result.error !== undefined;
        done(result);
      }),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}
