import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { activeBranch, reduce, siblings, type Transcript } from "../../client/sdk/index.ts";
import type { Answer, Conversation, LoggedEvent, Question, TurnEvent } from "../../server/protocol/index.ts";

const at = "2026-01-01T00:00:00.000Z";
const id = (n: number): string => `01KAAAAAAAAAAAAAAAAAAAAA${String(n).padStart(2, "0")}`;
const conversation: Conversation = {
  id: id(0),
  title: "t",
  pinned: null,
  activeLeafId: id(2),
  createdAt: at,
  updatedAt: at,
};
const question: Question = {
  id: id(1),
  conversationId: id(0),
  parentId: null,
  role: "user",
  text: "Where is my parcel?",
  clientId: "c",
  createdAt: at,
  routeCorrection: null,
};
const answer = (n: number): Answer => ({
  id: id(n),
  conversationId: id(0),
  parentId: id(1),
  role: "assistant",
  text: "",
  createdAt: at,
  generationId: id(n + 50),
  status: "streaming",
  expert: null,
  decision: null,
  ahead: null,
  droppedTurns: 0,
  timings: null,
  tokens: null,
  cost: null,
  error: null,
  vote: null,
});

const opened = reduce(null, { type: "opened", conversation, messages: [question, answer(2)] }) as Transcript;
const log: TurnEvent[] = [
  { type: "start", promptTokens: 5, cachedTokens: 0, droppedTurns: 1 },
  { type: "delta", text: "On its " },
  { type: "delta", text: "way." },
  {
    type: "finish",
    reason: "stop",
    timings: { routeMs: 1, firstTokenMs: 2, totalMs: 3 },
    tokens: { prompt: 5, cached: 0, completion: 4 },
  },
];
const logged: LoggedEvent[] = log.map((event, index) => ({ generationId: id(52), seq: index + 1, event }));
const apply = (transcript: Transcript, events: LoggedEvent[]): Transcript =>
  events.reduce((state, event) => reduce(state, { type: "logged", logged: event }) as Transcript, transcript);

describe("the transcript", () => {
  it("shows an answer as it grows and as it ended", () => {
    const half = apply(opened, logged.slice(0, 2)).messages.get(id(2));
    expect(half).toMatchObject({ text: "On its ", status: "streaming", droppedTurns: 1 });
    expect(apply(opened, logged).messages.get(id(2))).toMatchObject({
      text: "On its way.",
      status: "complete",
    });
  });

  it("tells an answer's place in the queue until it starts", () => {
    const events: TurnEvent[] = [{ type: "queued", ahead: 3 }, { type: "queued", ahead: 0 }, ...log];
    const ahead = events.map((_, count) => {
      const seen = events
        .slice(0, count + 1)
        .map((event, index) => ({ generationId: id(52), seq: index + 1, event }));
      return (apply(opened, seen).messages.get(id(2)) as Answer).ahead;
    });
    expect(ahead).toEqual([3, 0, null, null, null, null]);
  });

  it("comes to the same end however often and from wherever the log is replayed", () => {
    const expected = apply(opened, logged);
    // Each replay starts after some number seen before and brings everything that follows, in order, live events between.
    const replays = fc.array(fc.integer({ min: 0, max: logged.length }), { maxLength: 6 });
    fc.assert(
      fc.property(replays, (starts) => {
        const deliveries = starts.flatMap((start) => logged.slice(start));
        expect(apply(opened, [...deliveries, ...logged])).toEqual(expected);
      }),
    );
  });

  it("waits for the missing entry instead of showing text with a hole", () => {
    const [start, , second] = logged as [LoggedEvent, LoggedEvent, LoggedEvent, LoggedEvent];
    expect(apply(opened, [start, second]).messages.get(id(2))?.text).toBe("");
  });

  it("keeps what has streamed in when the conversation is loaded again", () => {
    const half = apply(opened, logged.slice(0, 2));
    const again = reduce(half, {
      type: "opened",
      conversation,
      messages: [question, answer(2)],
    }) as Transcript;
    expect(apply(again, logged.slice(2)).messages.get(id(2))?.text).toBe("On its way.");
  });

  it("takes the stored text of an answer that ended meanwhile", () => {
    const half = apply(opened, logged.slice(0, 2));
    const stored: Answer = { ...answer(2), text: "On its way.", status: "complete" };
    const again = reduce(half, { type: "opened", conversation, messages: [question, stored] }) as Transcript;
    expect(again.messages.get(id(2))).toEqual(stored);
    expect(apply(again, logged).messages.get(id(2))).toEqual(stored);
  });

  it("shows the branch of the active leaf and knows its siblings", () => {
    const both = reduce(opened, {
      type: "changed",
      change: { type: "message", conversation: { ...conversation, activeLeafId: id(3) }, message: answer(3) },
    }) as Transcript;
    expect(activeBranch(both).map((message) => message.id)).toEqual([id(1), id(3)]);
    expect(siblings(both, answer(3)).map((message) => message.id)).toEqual([id(2), id(3)]);
  });

  it("shows what somebody says of a question's expert, and that they took it back", () => {
    const correction = { expert: "health", setAside: false, updatedAt: at };
    const change = { type: "route", conversationId: id(0), messageId: id(1) } as const;
    const corrected = reduce(opened, { type: "changed", change: { ...change, correction } }) as Transcript;
    expect(corrected.messages.get(id(1))).toEqual({ ...question, routeCorrection: correction });
    const back = reduce(corrected, {
      type: "changed",
      change: { ...change, correction: null },
    }) as Transcript;
    expect(back.messages.get(id(1))).toEqual(question);
    // It is of questions alone.
    const wrong = { ...change, messageId: id(2), correction };
    expect(reduce(opened, { type: "changed", change: wrong })).toBe(opened);
  });

  it("says why an answer failed and keeps its text", () => {
    const event: TurnEvent = { type: "error", code: "engine-crashed", message: "The model process ended." };
    const failed = apply(opened, [
      ...logged.slice(0, 2),
      { generationId: id(52), seq: 3, event },
    ]).messages.get(id(2));
    expect(failed).toMatchObject({ status: "failed", text: "On its ", error: { code: "engine-crashed" } });
  });
});
