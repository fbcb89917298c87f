import {
  insertDecision,
  inTransaction,
  isFull,
  setAnsweredBy,
  setGenerationInputs,
  setPromptSeen,
} from "../../db/index.ts";
import {
  type ChatMessage,
  type GenerateRequest,
  type GenerationEvent,
  LOCAL,
  type Remote,
  type Sampling,
  withoutOldestTurns,
} from "../engines/index.ts";
import {
  BASE,
  type Decision,
  type Expert,
  PatchbayError,
  type TraceHeaders,
  type TurnEvent,
} from "../protocol/index.ts";
import { versionNamed } from "../registry/index.ts";
import { begun } from "./begun.ts";
import type { ChatDeps } from "./deps.ts";
import { interruption } from "./interrupted.ts";
import { newRecord, type ObservedTurn, type TurnEnding, type TurnRecord } from "./observer.ts";

/** `AbortController.abort` reasons: who ended it decides what people read. */
export const STOPPED = Symbol("stopped by a person");
export const SHUTDOWN = Symbol("server shutting down");

export interface Turn {
  role: "user" | "assistant";
  text: string;
}

/** What a client may want besides an answer; whatever is left out is the expert's own. */
export interface Wishes extends Pick<GenerateRequest, "stop" | "format" | "logprobs"> {
  /** Instructions that follow the expert's. */
  system?: string;
  sampling?: Partial<Sampling>;
  /** 0 to 2^31 - 1; left out: a new one. */
  seed?: number;
}

export interface TurnToAnswer extends ObservedTurn {
  userId: string;
  /** Whose turn it is when the machine is shared. */
  sharedAs: string;
  /** What was said, oldest first, the question that is answered last. */
  turns: Turn[];
  /** The expert of the answer before, so that a follow-up can stay with it. */
  previous: string | null;
  wishes?: Wishes;
  signal: AbortSignal;
}

/** One turn from question to answer: route → prompt → generate, each step written to the log before it is seen. */
export async function answerTurn(deps: ChatDeps, turn: TurnToAnswer): Promise<void> {
  const watch = deps.observer.begin(turn);
  const record = newRecord(turn.startedAt);
  const ending = await routeAndGenerate(deps, turn, record, watch.trace).catch((error) =>
    endWithError(deps, turn, record, error),
  );
  watch.end(record, ending);
}

async function routeAndGenerate(
  deps: ChatDeps,
  turn: TurnToAnswer,
  record: TurnRecord,
  trace: TraceHeaders | null,
): Promise<TurnEnding> {
  const { request, write } = await routeTurn(deps, turn, record);
  const unwritten = new AbortController();
  const signal = AbortSignal.any([turn.signal, unwritten.signal]);
  // The engine begins while the route is written down; what it says is not read before that is done.
  const events = begun(deps.engine.generate({ ...request, ...(trace && { trace }) }, signal));
  try {
    await write();
  } catch (error) {
    unwritten.abort();
    await ended(events);
    throw error;
  }
  return follow(deps, turn, request, record, events);
}

/** Reads what is left of an answer that nobody will see, so that the engine is done with it. */
async function ended(events: AsyncIterable<GenerationEvent>): Promise<void> {
  try {
    for await (const _ of events);
  } catch {
    // Why there is no answer is known already.
  }
}

/** Who answers and what is asked of the engine; `write` puts both into the log. */
async function routeTurn(
  deps: ChatDeps,
  turn: TurnToAnswer,
  record: TurnRecord,
): Promise<{ request: GenerateRequest; write: () => Promise<void> }> {
  const { generationId, turns, previous, requested, wishes = {} } = turn;
  const { system, sampling: wished, seed = deps.newSeed(), ...others } = wishes;
  const { router, registry } = deps.experts();
  const decision = await router.route({
    turns,
    previous,
    ...(requested !== "auto" && { pinned: versionNamed(requested).id }),
  });
  const named = requested === "auto" ? decision.domain : requested;
  const adapter = named === BASE ? null : await registry.named(named);
  const { prompt, sampling: own } = adapter ?? registry.base;
  const sampling = { ...own, ...wished };
  const messages: ChatMessage[] = [
    { role: "system", content: systemPrompt(prompt.text, system) },
    ...turns.flatMap(toChatMessage),
  ];
  const expert: Expert = adapter
    ? {
        id: adapter.summary.id,
        title: adapter.summary.title,
        version: adapter.version?.file.version ?? null,
        sha256: adapter.version?.file.sha256 ?? null,
      }
    : { id: BASE, title: "Base model", version: null, sha256: null };
  record.route = { decision, expert, messages, sampling, seed };
  record.times.routedAt = performance.now();
  const inputs = { expert, messages, sampling, seed, promptSha256: prompt.sha256 };
  return {
    request: {
      messages,
      adapter: adapter?.version?.file ?? null,
      domain: expert.id,
      sampling,
      seed,
      user: turn.sharedAs,
      ...others,
    },
    write: async () => {
      await recordRoute(deps, generationId, decision, inputs);
      await deps.log.append(generationId, { type: "route", decision, expert });
    },
  };
}

/** Words of the caller's own come behind the expert's, unless they begin with these: a server in front of this one did so. */
function systemPrompt(own: string, wished: string | undefined): string {
  if (!wished) return own;
  return wished.startsWith(own) ? wished : `${own}\n\n${wished}`;
}

async function recordRoute(
  deps: ChatDeps,
  generationId: string,
  decision: Decision,
  inputs: Omit<Parameters<typeof setGenerationInputs>[2], "base">,
): Promise<void> {
  await inTransaction(deps.db, async (trx) => {
    await insertDecision(trx, generationId, decision);
    await setGenerationInputs(trx, generationId, {
      ...inputs,
      base: { name: deps.base.name, sha256: deps.base.sha256 },
    });
  });
}

async function follow(
  deps: ChatDeps,
  turn: TurnToAnswer,
  request: GenerateRequest,
  record: TurnRecord,
  events: AsyncIterable<GenerationEvent>,
): Promise<TurnEnding> {
  const { generationId } = turn;
  for await (const event of events) {
    switch (event.type) {
      case "queued":
        await deps.log.append(generationId, event);
        break;
      case "started":
        await start(deps, turn, request, record, event);
        break;
      case "delta":
        record.times.firstTextAt ??= performance.now();
        record.text += event.text;
        await deps.log.append(generationId, event);
        break;
      case "finished":
        if (turn.signal.reason === SHUTDOWN) throw new PatchbayError("interrupted", interruption.message);
        return finish(deps, turn, record, event);
      default:
        event satisfies never;
    }
  }
  throw new Error("the engine ended without an ending");
}

async function start(
  deps: ChatDeps,
  { generationId }: TurnToAnswer,
  { messages }: GenerateRequest,
  record: TurnRecord,
  {
    promptTokens,
    cachedTokens,
    droppedTurns,
    prefillMs,
    remote,
  }: Extract<GenerationEvent, { type: "started" }>,
): Promise<void> {
  const now = performance.now();
  record.times.decodeAt = now;
  record.times.prefillAt = Math.max(record.times.routedAt ?? 0, now - prefillMs);
  record.tokens = { prompt: promptTokens, cached: cachedTokens, completion: 0 };
  record.droppedTurns = droppedTurns;
  record.engine = { name: remote?.engine ?? LOCAL, model: remote?.model ?? deps.base.name };
  if (droppedTurns > 0)
    await setPromptSeen(deps.db, generationId, withoutOldestTurns(messages, droppedTurns), droppedTurns);
  const expert = remote && (await answeredRemotely(deps, generationId, record, remote));
  await deps.log.append(generationId, {
    type: "start",
    promptTokens,
    cachedTokens,
    droppedTurns,
    ...(expert && { expert }),
  });
}

/** What was recorded with the route does not hold: neither the base model, nor perhaps the adapter. */
async function answeredRemotely(
  deps: ChatDeps,
  generationId: string,
  { route }: TurnRecord,
  { engine, model, adapter }: Remote,
): Promise<Expert | null> {
  if (!route) return null;
  const through = adapter === null ? { version: null, sha256: null } : {};
  route.expert = { ...route.expert, ...through, remote: { engine, model } };
  await setAnsweredBy(deps.db, generationId, { expert: route.expert, base: { name: model, sha256: null } });
  return route.expert;
}

async function finish(
  deps: ChatDeps,
  turn: TurnToAnswer,
  record: TurnRecord,
  { reason, completionTokens, usage }: Extract<GenerationEvent, { type: "finished" }>,
): Promise<TurnEnding> {
  const { times, text } = record;
  times.endedAt = performance.now();
  const timings = {
    routeMs: since(turn, times.routedAt) ?? 0,
    firstTokenMs: since(turn, times.firstTextAt),
    totalMs: since(turn, times.endedAt) ?? 0,
  };
  const tokens = {
    prompt: usage?.promptTokens ?? record.tokens.prompt,
    cached: usage?.cachedTokens ?? record.tokens.cached,
    completion: completionTokens,
  };
  const cost = usage?.cost ?? null;
  Object.assign(record, { tokens, cost });
  const status = ({ stop: "complete", length: "cut-off", stopped: "stopped" } as const)[reason];
  const ending = { status, text, timings, tokens, cost, error: null };
  await deps.log.end(
    turn.generationId,
    { type: "finish", reason, timings, tokens, ...(cost !== null && { cost }) },
    ending,
    deps.now(),
  );
  return { is: "finished", reason };
}

/** The answer keeps what was generated, and says in a sentence what went wrong. */
async function endWithError(
  deps: ChatDeps,
  turn: TurnToAnswer,
  record: TurnRecord,
  cause: unknown,
): Promise<TurnEnding> {
  record.times.endedAt = performance.now();
  const error = toPatchbayError(cause);
  if (error.code === "internal") deps.onFault(cause);
  const message = error.hint ? `${error.message} ${error.hint}` : error.message;
  const event: TurnEvent = { type: "error", code: error.code, message };
  const status = error.code === "interrupted" ? "interrupted" : "failed";
  const ending = {
    status,
    text: record.text,
    timings: null,
    tokens: null,
    cost: null,
    error: { code: error.code, message },
  } as const;
  try {
    await deps.log.end(turn.generationId, event, ending, deps.now());
  } catch (unstored) {
    deps.onFault(unstored);
    if (deps.log.isLive(turn.generationId)) deps.log.abandon(turn.generationId, event);
  }
  return { is: "failed", code: error.code };
}

export function toPatchbayError(cause: unknown): PatchbayError {
  if (cause instanceof PatchbayError) return cause;
  if (isFull(cause))
    return new PatchbayError("storage-full", "The disk is full, so nothing more can be stored.", {
      hint: "Free some space and try again; what was stored is safe.",
      cause,
    });
  return new PatchbayError("internal", "Something went wrong in the server.", {
    hint: "Its log says more.",
    cause,
  });
}

/** Answers that never got a word are left out of the prompt. */
const toChatMessage = ({ role, text }: Turn): ChatMessage[] => (text === "" ? [] : [{ role, content: text }]);

/** ms with one decimal since the question came in. */
const since = ({ startedAt }: TurnToAnswer, at: number | null): number | null =>
  at === null ? null : Math.round((at - startedAt) * 10) / 10;
