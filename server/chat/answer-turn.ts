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
  type Remote,
  type Sampling,
  withoutOldestTurns,
} from "../engines/index.ts";
import { BASE, type Decision, type Expert, PatchbayError, type TurnEvent } from "../protocol/index.ts";
import { versionNamed } from "../registry/index.ts";
import type { ChatDeps } from "./deps.ts";
import { interruption } from "./interrupted.ts";

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

export interface TurnToAnswer {
  userId: string;
  /** Whose turn it is when the machine is shared. */
  sharedAs: string;
  generationId: string;
  /** What was said, oldest first, the question that is answered last. */
  turns: Turn[];
  /** The expert of the answer before, so that a follow-up can stay with it. */
  previous: string | null;
  /** An adapter's id, one of its versions, `base`, or `auto`. */
  requested: string;
  wishes?: Wishes;
  /** performance.now() when the question came in. */
  startedAt: number;
  signal: AbortSignal;
}

interface Progress {
  text: string;
  expert: Expert | null;
  routeMs: number;
  firstTokenMs: number | null;
  promptTokens: number;
  cachedTokens: number;
}

/** One turn from question to answer: route → prompt → generate, each step written to the log before it is seen. */
export async function answerTurn(deps: ChatDeps, turn: TurnToAnswer): Promise<void> {
  const progress: Progress = {
    text: "",
    expert: null,
    routeMs: 0,
    firstTokenMs: null,
    promptTokens: 0,
    cachedTokens: 0,
  };
  try {
    const request = await routeTurn(deps, turn, progress);
    await generate(deps, turn, request, progress);
  } catch (error) {
    await endWithError(deps, turn, progress, error);
  }
}

async function routeTurn(deps: ChatDeps, turn: TurnToAnswer, progress: Progress): Promise<GenerateRequest> {
  const { generationId, turns, previous, requested, startedAt, wishes = {} } = turn;
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
  progress.expert = expert;
  progress.routeMs = round(performance.now() - startedAt);
  await recordRoute(deps, generationId, decision, {
    expert,
    messages,
    sampling,
    seed,
    promptSha256: prompt.sha256,
  });
  await deps.log.append(generationId, { type: "route", decision, expert });
  return {
    messages,
    adapter: adapter?.version?.file ?? null,
    sampling,
    seed,
    user: turn.sharedAs,
    ...others,
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

async function generate(
  deps: ChatDeps,
  turn: TurnToAnswer,
  request: GenerateRequest,
  progress: Progress,
): Promise<void> {
  const { generationId } = turn;
  for await (const event of deps.engine.generate(request, turn.signal)) {
    switch (event.type) {
      case "queued":
        await deps.log.append(generationId, event);
        break;
      case "started": {
        const { promptTokens, cachedTokens, droppedTurns } = event;
        Object.assign(progress, { promptTokens, cachedTokens });
        if (droppedTurns > 0)
          await setPromptSeen(
            deps.db,
            generationId,
            withoutOldestTurns(request.messages, droppedTurns),
            droppedTurns,
          );
        const expert = event.remote && (await answeredRemotely(deps, generationId, progress, event.remote));
        await deps.log.append(generationId, {
          type: "start",
          promptTokens,
          cachedTokens,
          droppedTurns,
          ...(expert && { expert }),
        });
        break;
      }
      case "delta":
        progress.firstTokenMs ??= round(performance.now() - turn.startedAt);
        progress.text += event.text;
        await deps.log.append(generationId, event);
        break;
      case "finished":
        if (turn.signal.reason === SHUTDOWN) throw new PatchbayError("interrupted", interruption.message);
        await finish(deps, turn, progress, event);
        break;
      default:
        event satisfies never;
    }
  }
}

/** What was recorded with the route does not hold: neither the base model, nor perhaps the adapter. */
async function answeredRemotely(
  deps: ChatDeps,
  generationId: string,
  { expert: chosen }: Progress,
  { engine, model, adapter }: Remote,
): Promise<Expert | null> {
  if (!chosen) return null;
  const through = adapter === null ? { version: null, sha256: null } : {};
  const expert = { ...chosen, ...through, remote: { engine, model } };
  await setAnsweredBy(deps.db, generationId, { expert, base: { name: model, sha256: null } });
  return expert;
}

async function finish(
  deps: ChatDeps,
  turn: TurnToAnswer,
  progress: Progress,
  { reason, completionTokens, usage }: Extract<GenerationEvent, { type: "finished" }>,
): Promise<void> {
  const { routeMs, firstTokenMs, promptTokens, cachedTokens, text } = progress;
  const timings = { routeMs, firstTokenMs, totalMs: round(performance.now() - turn.startedAt) };
  const tokens = {
    prompt: usage?.promptTokens ?? promptTokens,
    cached: usage?.cachedTokens ?? cachedTokens,
    completion: completionTokens,
  };
  const cost = usage?.cost ?? null;
  const status = ({ stop: "complete", length: "cut-off", stopped: "stopped" } as const)[reason];
  const ending = { status, text, timings, tokens, cost, error: null };
  await deps.log.end(
    turn.generationId,
    { type: "finish", reason, timings, tokens, ...(cost !== null && { cost }) },
    ending,
    deps.now(),
  );
}

/** The answer keeps what was generated, and says in a sentence what went wrong. */
async function endWithError(
  deps: ChatDeps,
  turn: TurnToAnswer,
  progress: Progress,
  cause: unknown,
): Promise<void> {
  const error = toPatchbayError(cause);
  if (error.code === "internal") deps.onFault(cause);
  const message = error.hint ? `${error.message} ${error.hint}` : error.message;
  const event: TurnEvent = { type: "error", code: error.code, message };
  const status = error.code === "interrupted" ? "interrupted" : "failed";
  const ending = {
    status,
    text: progress.text,
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

const round = (ms: number): number => Math.round(ms * 10) / 10;
