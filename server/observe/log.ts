import type { ObservedTurn, TurnEnding, TurnRecord } from "../chat/index.ts";
import { finishOf } from "./finish.ts";
import { phasesOf } from "./phases.ts";

/** Where the server tells how it goes. */
export interface Log {
  /** Something that people may want to know. */
  line(text: string): void;
  /** A fault of the server's own. */
  fault(error: unknown): void;
  /** A turn has ended. @param traceId null: nobody traces it. */
  turn(turn: ObservedTurn, record: TurnRecord, ending: TurnEnding, traceId: string | null): void;
}

/**
 * `lines` for people: what they are told and faults with their stacks; turns pass in silence. `json` for programs: an
 * object a line, turns too, the question and answer where `showsText` is set.
 */
export function openLog(
  { format, showsText }: { format: "lines" | "json"; showsText: boolean },
  write: (line: string) => void,
): Log {
  if (format === "lines")
    return { line: write, fault: (error) => write(describe(error).stack), turn: () => undefined };
  const entry = (level: "info" | "error", fields: object) =>
    write(JSON.stringify({ time: new Date().toISOString(), level, ...fields }));
  return {
    line: (message) => entry("info", { message }),
    fault: (error) => entry("error", describe(error)),
    turn: (turn, record, ending, traceId) =>
      entry(ending.is === "failed" ? "error" : "info", {
        event: "turn",
        ...turnFields(turn, record, ending),
        traceId,
        ...(showsText && textFields(record)),
      }),
  };
}

function describe(error: unknown): { message: string; stack: string } {
  if (!(error instanceof Error)) return { message: String(error), stack: String(error) };
  return { message: error.message, stack: error.stack ?? error.message };
}

function turnFields(turn: ObservedTurn, record: TurnRecord, ending: TurnEnding) {
  const { conversationId, generationId, requested } = turn;
  const { route, engine, tokens, droppedTurns, cost, times } = record;
  const phases = phasesOf(record, ending).map(({ name, from, to }) => [`${name}Ms`, tenths(to - from)]);
  const { startedAt, firstTextAt, endedAt } = times;
  return {
    conversationId,
    generationId,
    requested,
    expert: route?.expert.id ?? null,
    version: route?.expert.version ?? null,
    confidence: route?.decision.confidence ?? null,
    engine: engine?.name ?? null,
    model: engine?.model ?? null,
    finish: finishOf(ending),
    ...(ending.is === "failed" && { error: ending.code }),
    tokens,
    droppedTurns,
    ...(cost !== null && { cost }),
    timings: {
      ...Object.fromEntries(phases),
      firstTokenMs: firstTextAt === null ? null : tenths(firstTextAt - startedAt),
      totalMs: tenths(endedAt - startedAt),
    },
  };
}

const textFields = ({ route, text }: TurnRecord) => ({ messages: route?.messages ?? [], answer: text });

const tenths = (ms: number): number => Math.round(ms * 10) / 10;
