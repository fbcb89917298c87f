import type { Request, Response } from "express";
import type { Completion, Completions } from "../../chat/index.ts";
import { TraceHeaders, type TurnEvent } from "../../protocol/index.ts";
import { parseCompletionRequest } from "./completion-request.ts";
import {
  COMPLETION_PREFIX,
  completionObject,
  deltaChunk,
  firstChunk,
  lastChunk,
  usageChunk,
} from "./completion-shapes.ts";
import { CompletionState } from "./completion-state.ts";
import { sendError, toOpenAiError } from "./errors.ts";

/** `POST /v1/chat/completions`. A caller that goes away ends what is still being written. */
export async function chatCompletions(
  completions: Completions,
  userId: string,
  request: Request,
  response: Response,
): Promise<void> {
  const { completion: asked, stream, includeUsage } = parseCompletionRequest(request.body);
  // One that is not well formed counts as none, says the standard.
  const { data: trace } = TraceHeaders.safeParse(request.headers);
  const completion = await completions.start(userId, { ...asked, ...(trace && { trace }) });
  response.setHeader("X-Request-Id", `${COMPLETION_PREFIX}${completion.id}`);
  response.on("close", () => completion.cancel());
  // It may have gone while the completion was stored.
  if (response.destroyed) completion.cancel();
  if (stream) await streamCompletion(completion, response, includeUsage);
  else await sendCompletion(completion, response);
}

async function sendCompletion(completion: Completion, response: Response): Promise<void> {
  const state = new CompletionState(completion.choices.length);
  await followToEnd(completion, state, () => {
    // Without one of its choices it is no answer to what was asked.
    if (state.error) completion.cancel();
  });
  if (state.error) return sendError(response, state.error);
  setRouteHeaders(response, state);
  response.json(completionObject(completion, state));
}

/** Until the model reads the first prompt, whatever fails is answered with its own status. */
async function streamCompletion(
  completion: Completion,
  response: Response,
  includeUsage: boolean,
): Promise<void> {
  const state = new CompletionState(completion.choices.length);
  const send = (data: object): void => void response.write(`data: ${JSON.stringify(data)}\n\n`);
  await followToEnd(completion, state, (index, event) => {
    if (state.error) completion.cancel();
    if (state.error || event.type === "route" || event.type === "queued") return;
    if (!response.headersSent) startStream(response, state);
    if (event.type === "start") send(firstChunk(completion, state, index));
    else if (event.type === "delta") send(deltaChunk(completion, state, index, event));
    else send(lastChunk(completion, state, index));
  });
  if (state.error && !response.headersSent) return sendError(response, state.error);
  if (state.error) send({ error: toOpenAiError(state.error) });
  else if (includeUsage) send(usageChunk(completion, state));
  response.end(state.error ? "" : "data: [DONE]\n\n");
}

function followToEnd(
  completion: Completion,
  state: CompletionState,
  onEvent: (index: number, event: TurnEvent) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    completion
      .follow((index, event) => {
        state.apply(index, event);
        onEvent(index, event);
        if (state.ended) resolve();
      })
      .catch(reject);
  });
}

function startStream(response: Response, state: CompletionState): void {
  setRouteHeaders(response, state);
  response.status(200);
  response.setHeader("Content-Type", "text/event-stream; charset=utf-8");
  response.setHeader("Cache-Control", "no-cache");
  // nginx would hold words back until it has a page of them.
  response.setHeader("X-Accel-Buffering", "no");
  response.flushHeaders();
}

function setRouteHeaders(response: Response, { expert, decision }: CompletionState): void {
  if (!expert || !decision) return;
  response.setHeader("X-Patchbay-Adapter", expert.id);
  response.setHeader("X-Patchbay-Confidence", decision.confidence.toFixed(4));
  response.setHeader("X-Patchbay-Router", decision.head);
  if (expert.version === null || expert.sha256 === null) return;
  response.setHeader("X-Patchbay-Version", expert.version);
  response.setHeader("X-Patchbay-Sha256", expert.sha256);
}
