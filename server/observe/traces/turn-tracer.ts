import {
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { ObservedTurn, TurnEnding, TurnRecord } from "../../chat/index.ts";
import type { TraceHeaders } from "../../protocol/index.ts";
import { phasesOf } from "../phases.ts";
import { beginAttributes, endAttributes, textAttributes } from "./attributes.ts";

/** A turn that is being traced, or, where nobody records, the caller's trace passed on. */
export interface TracedTurn {
  headers: TraceHeaders | null;
  traceId: string | null;
  end(record: TurnRecord, ending: TurnEnding): void;
}

/** A turn as one span with a child for each phase. */
export class TurnTracer {
  readonly #tracer: Tracer;
  readonly #showsText: boolean;

  constructor(tracer: Tracer, showsText: boolean) {
    this.#tracer = tracer;
    this.#showsText = showsText;
  }

  begin(turn: ObservedTurn): TracedTurn {
    // Spans take times of day; a turn is measured by the steady clock.
    const epoch = Date.now() - performance.now();
    const parent = turn.trace ? contextOf(turn.trace) : ROOT_CONTEXT;
    const span = this.#tracer.startSpan(
      `chat ${turn.requested}`,
      {
        kind: SpanKind.SERVER,
        startTime: epoch + turn.startedAt,
        attributes: beginAttributes(turn),
      },
      parent,
    );
    return {
      headers: headersOf(span),
      traceId: isSpanContextValid(span.spanContext()) ? span.spanContext().traceId : null,
      end: (record, ending) => {
        if (span.isRecording()) this.#end(span, epoch, record, ending);
      },
    };
  }

  #end(span: Span, epoch: number, record: TurnRecord, ending: TurnEnding): void {
    const within = trace.setSpan(ROOT_CONTEXT, span);
    for (const { name, from, to } of phasesOf(record, ending))
      this.#tracer.startSpan(name, { startTime: epoch + from }, within).end(epoch + to);
    span.setAttributes(endAttributes(record, ending));
    if (this.#showsText) span.setAttributes(textAttributes(record, ending));
    if (ending.is === "failed") span.setStatus({ code: SpanStatusCode.ERROR, message: ending.code });
    span.end(epoch + record.times.endedAt);
  }
}

function contextOf({ traceparent, tracestate }: TraceHeaders): Context {
  const [, traceId = "", spanId = "", flags = "0"] = traceparent.split("-");
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  });
}

function headersOf(span: Span): TraceHeaders | null {
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return null;
  const flags = context.traceFlags.toString(16).padStart(2, "0");
  const tracestate = context.traceState?.serialize();
  return {
    traceparent: `00-${context.traceId}-${context.spanId}-${flags}`,
    ...(tracestate && { tracestate }),
  };
}
