import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { z } from "zod";

/*
 * OTLP over HTTP as JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Strict: what it does not know
 * fails the test.
 */

const Value = z.union([
  z.strictObject({ stringValue: z.string() }).transform(({ stringValue }) => stringValue),
  z.strictObject({ boolValue: z.boolean() }).transform(({ boolValue }) => boolValue),
  z
    .strictObject({ intValue: z.union([z.int(), z.string().regex(/^-?\d+$/)]) })
    .transform(({ intValue }) => Number(intValue)),
  z.strictObject({ doubleValue: z.number() }).transform(({ doubleValue }) => doubleValue),
  z
    .strictObject({
      arrayValue: z.strictObject({ values: z.array(z.strictObject({ stringValue: z.string() })) }),
    })
    .transform(({ arrayValue }) => arrayValue.values.map(({ stringValue }) => stringValue)),
]);
const Attributes = z
  .array(z.strictObject({ key: z.string(), value: Value }))
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, value])));
const nanoseconds = z.string().regex(/^\d{19}$/);

const Span = z.object({
  traceId: z.string().regex(/^[\da-f]{32}$/),
  spanId: z.string().regex(/^[\da-f]{16}$/),
  parentSpanId: z
    .string()
    .regex(/^[\da-f]{16}$/)
    .optional(),
  name: z.string(),
  /** 1: internal, 2: server. */
  kind: z.int(),
  startTimeUnixNano: nanoseconds,
  endTimeUnixNano: nanoseconds,
  attributes: Attributes,
  /** 0: unset, 2: error. */
  status: z.object({ code: z.int(), message: z.string().optional() }),
});
const Body = z.strictObject({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: Attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(Span) })),
    }),
  ),
});

export type ReceivedSpan = z.infer<typeof Span> & { service: unknown };

/** A collector on a free loopback port that keeps what it is sent. */
export class SpanReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** What came, as it came. */
  raw = "";
  readonly #problems: unknown[] = [];
  readonly #http: Server;

  static async start(): Promise<SpanReceiver> {
    const receiver = new SpanReceiver();
    await new Promise<void>((resolve) => receiver.#http.listen(0, "127.0.0.1", resolve));
    onTestFinished(async () => {
      receiver.#http.closeAllConnections();
      await new Promise<void>((resolve) => receiver.#http.close(() => resolve()));
      if (receiver.#problems.length > 0) throw receiver.#problems[0];
    });
    return receiver;
  }

  private constructor() {
    this.#http = createServer(async (request, response) => {
      try {
        if (request.method !== "POST" || request.url !== "/v1/traces")
          throw new Error(`${request.method} ${request.url} is no export of traces`);
        this.#keep(await text(request));
      } catch (error) {
        this.#problems.push(error);
      }
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  }

  /** As OTEL_EXPORTER_OTLP_ENDPOINT has it. */
  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** The spans of turns, in the order in which they began. */
  get turns(): ReceivedSpan[] {
    return inOrder(this.spans.filter(({ name }) => name.startsWith("chat ")));
  }

  childrenOf({ spanId, traceId }: ReceivedSpan): ReceivedSpan[] {
    return inOrder(this.spans.filter((span) => span.parentSpanId === spanId && span.traceId === traceId));
  }

  #keep(body: string): void {
    this.raw += body;
    for (const { resource, scopeSpans } of Body.parse(JSON.parse(body)).resourceSpans)
      for (const span of scopeSpans.flatMap(({ spans }) => spans))
        this.spans.push({ ...span, service: resource.attributes["service.name"] });
  }
}

const inOrder = (spans: ReceivedSpan[]): ReceivedSpan[] =>
  spans.toSorted((one, other) => Number(BigInt(one.startTimeUnixNano) - BigInt(other.startTimeUnixNano)));

/** Of a span, in ms. */
export const msOf = ({ startTimeUnixNano, endTimeUnixNano }: ReceivedSpan): number =>
  Number(BigInt(endTimeUnixNano) - BigInt(startTimeUnixNano)) / 1e6;
