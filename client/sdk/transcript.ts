import type {
  Answer,
  AnswerStatus,
  Conversation,
  ConversationChange,
  LoggedEvent,
  Message,
  TurnEvent,
} from "../../server/protocol/index.ts";

/**
 * One conversation as a client holds it: the message tree, and for each answer that is being written the number
 * of the last log entry applied. Immutable; {@link reduce} makes the next one.
 */
export interface Transcript {
  conversation: Conversation;
  messages: ReadonlyMap<string, Message>;
  /** generation id → last sequence number applied; only for answers seen while streaming. */
  seqs: ReadonlyMap<string, number>;
}

export type TranscriptInput =
  | { type: "opened"; conversation: Conversation; messages: Message[] }
  | { type: "changed"; change: Exclude<ConversationChange, { type: "deleted" }> }
  | { type: "logged"; logged: LoggedEvent };

const finishStatus = { stop: "complete", length: "cut-off", stopped: "stopped" } as const satisfies Record<
  string,
  AnswerStatus
>;

/** What one log entry does to an answer. Live and replayed entries take this same way. */
export function applyTurnEvent(answer: Answer, event: TurnEvent): Answer {
  switch (event.type) {
    case "route":
      return { ...answer, decision: event.decision, expert: event.expert };
    case "queued":
      return { ...answer, ahead: event.ahead };
    case "start":
      return {
        ...answer,
        ahead: null,
        droppedTurns: event.droppedTurns,
        expert: event.expert ?? answer.expert,
      };
    case "delta":
      return { ...answer, text: answer.text + event.text };
    case "finish":
      return {
        ...answer,
        status: finishStatus[event.reason],
        ahead: null,
        timings: event.timings,
        tokens: event.tokens,
        cost: event.cost ?? null,
      };
    case "error":
      return {
        ...answer,
        ahead: null,
        status: event.code === "interrupted" ? "interrupted" : "failed",
        error: { code: event.code, message: event.message },
      };
    default:
      return event satisfies never;
  }
}

/** The number of the next log entry that this transcript can apply to a generation. */
export const nextSeq = (transcript: Transcript, generationId: string): number =>
  (transcript.seqs.get(generationId) ?? 0) + 1;

export function reduce(transcript: Transcript | null, input: TranscriptInput): Transcript | null {
  switch (input.type) {
    case "opened":
      return opened(transcript, input.conversation, input.messages);
    case "changed":
      return transcript && changed(transcript, input.change);
    case "logged":
      return transcript && logged(transcript, input.logged);
    default:
      return input satisfies never;
  }
}

/** A fresh copy from the server; what has already streamed in here is kept for answers still being written. */
function opened(previous: Transcript | null, conversation: Conversation, messages: Message[]): Transcript {
  const same = previous?.conversation.id === conversation.id ? previous : null;
  const seqs = new Map<string, number>();
  const merged = messages.map((message) => (same ? keepStreamed(same, message, seqs) : message));
  return { conversation, messages: new Map(merged.map((message) => [message.id, message])), seqs };
}

function keepStreamed(previous: Transcript, message: Message, seqs: Map<string, number>): Message {
  if (message.role !== "assistant" || message.status !== "streaming") return message;
  const known = previous.messages.get(message.id);
  const seq = previous.seqs.get(message.generationId);
  if (known?.role !== "assistant" || seq === undefined) return message;
  seqs.set(message.generationId, seq);
  return known;
}

function changed(
  transcript: Transcript,
  change: Exclude<ConversationChange, { type: "deleted" }>,
): Transcript {
  switch (change.type) {
    case "saved":
      return change.conversation.id === transcript.conversation.id
        ? { ...transcript, conversation: change.conversation }
        : transcript;
    case "message": {
      if (change.conversation.id !== transcript.conversation.id) return transcript;
      const known = transcript.messages.has(change.message.id);
      const messages = known
        ? transcript.messages
        : new Map(transcript.messages).set(change.message.id, change.message);
      return { ...transcript, conversation: change.conversation, messages };
    }
    case "vote": {
      const message = transcript.messages.get(change.messageId);
      if (message?.role !== "assistant") return transcript;
      const messages = new Map(transcript.messages).set(message.id, { ...message, vote: change.vote });
      return { ...transcript, messages };
    }
    case "route": {
      const message = transcript.messages.get(change.messageId);
      if (message?.role !== "user") return transcript;
      const corrected = { ...message, routeCorrection: change.correction };
      return { ...transcript, messages: new Map(transcript.messages).set(message.id, corrected) };
    }
    default:
      return change satisfies never;
  }
}

/** Entries that were seen already, or that came before their predecessors, change nothing: a replay brings them in order. */
function logged(transcript: Transcript, { generationId, seq, event }: LoggedEvent): Transcript {
  const answer = answerOf(transcript, generationId);
  if (answer?.status !== "streaming" || seq !== nextSeq(transcript, generationId)) return transcript;
  return {
    ...transcript,
    messages: new Map(transcript.messages).set(answer.id, applyTurnEvent(answer, event)),
    seqs: new Map(transcript.seqs).set(generationId, seq),
  };
}

export function answerOf(transcript: Transcript, generationId: string): Answer | undefined {
  for (const message of transcript.messages.values())
    if (message.role === "assistant" && message.generationId === generationId) return message;
  return undefined;
}

export const streaming = (transcript: Transcript): Answer[] =>
  [...transcript.messages.values()].filter(
    (message): message is Answer => message.role === "assistant" && message.status === "streaming",
  );

/** The branch that is shown: from the first question down to the active leaf. */
export function activeBranch(transcript: Transcript): Message[] {
  const branch: Message[] = [];
  let id = transcript.conversation.activeLeafId;
  while (id !== null) {
    const message = transcript.messages.get(id);
    if (!message) break;
    branch.unshift(message);
    id = message.parentId;
  }
  return branch;
}

/** The message and those written beside it (regenerated answers, edited questions), oldest first. */
export function siblings(transcript: Transcript, message: Message): Message[] {
  return [...transcript.messages.values()]
    .filter((other) => other.parentId === message.parentId && other.role === message.role)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
