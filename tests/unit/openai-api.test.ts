import { describe, expect, it } from "vitest";
import type { ModelInfo } from "../../server/chat/index.ts";
import { parseCompletionRequest } from "../../server/gateway/openai/completion-request.ts";
import { completionObject } from "../../server/gateway/openai/completion-shapes.ts";
import { CompletionState } from "../../server/gateway/openai/completion-state.ts";
import { listModels, retrieveModel, withEmbedder } from "../../server/gateway/openai/models.ts";
import type { Expert, TurnEvent } from "../../server/protocol/index.ts";

describe("a completion of several choices", () => {
  const support: Expert = { id: "support", title: "Support", version: "support@1", sha256: "ab" };
  const decision = {
    domain: "support",
    confidence: 0.9,
    runnerUp: null,
    reason: "",
    evidence: [],
    alternative: null,
    heard: "words" as const,
    head: "1",
    pinned: false,
  };
  const start = { type: "start", promptTokens: 9, cachedTokens: 0, droppedTurns: 0 } as const;
  const finish = {
    type: "finish",
    reason: "stop",
    timings: { routeMs: 1, firstTokenMs: 2, totalMs: 3 },
    tokens: { prompt: 9, cached: 0, completion: 1 },
  } as const;

  function completed(...starts: TurnEvent[]) {
    const state = new CompletionState(starts.length);
    for (const [index, started] of starts.entries())
      for (const event of [{ type: "route", decision, expert: support } as const, started])
        state.apply(index, event);
    state.apply(0, finish);
    for (const index of starts.keys()) if (index > 0) state.apply(index, { ...finish, cost: 0.5 });
    const choices = starts.map((_, index) => ({ generationId: `${index}`, seed: index }));
    const completion = { id: "1", created: 0, choices, follow: async () => {}, cancel: () => {} };
    return completionObject(completion, state);
  }

  it("names the adapter where each of them has it", () => {
    expect(completed(start, start)).toMatchObject({
      model: "support@1",
      patchbay: { version: "support@1", sha256: "ab", remotes: [null, null], cost: 0.5 },
    });
    expect(completed(start).patchbay).not.toHaveProperty("cost");
  });

  it("names none where one was answered elsewhere without it, and says where", () => {
    const remote = { engine: "cloud", model: "gpt" };
    const elsewhere = { ...start, expert: { ...support, version: null, sha256: null, remote } };
    expect(completed(start, elsewhere)).toMatchObject({
      model: "support",
      patchbay: { adapter: "support", version: null, sha256: null, remotes: [null, remote] },
    });
  });
});

describe("a request", () => {
  const asked = { model: "base", messages: [{ role: "user", content: "Hello" }] };

  it("may say null wherever it may say nothing", () => {
    const nothing = {
      ...asked,
      messages: [
        {
          role: "assistant",
          content: null,
          refusal: null,
          audio: null,
          tool_calls: null,
          function_call: null,
        },
        ...asked.messages,
      ],
      stream_options: { include_usage: null, include_obfuscation: null },
      response_format: {
        type: "json_schema",
        json_schema: { name: "a", description: null, strict: null, schema: { type: "null" } },
      },
      stop: null,
      tools: null,
      modalities: null,
      logit_bias: null,
    };
    expect(parseCompletionRequest(nothing)).toMatchObject({ includeUsage: false, stream: false });
  });

  it("for an answer of the embedder is told what that is for", () => {
    expect(() => parseCompletionRequest({ ...asked, model: "embedder" })).toThrow(
      expect.objectContaining({ code: "bad-request", message: expect.stringContaining("/v1/embeddings") }),
    );
  });
});

describe("the list of models", () => {
  const info = (name: string): ModelInfo => ({
    name,
    title: name,
    description: "",
    version: null,
    createdAt: "2026-01-01T00:00:00Z",
  });
  const models = ["auto", "base", "support"].map(info);

  it("suggests the nearest to a name that is not on it", () => {
    expect(() => retrieveModel(models, "suport")).toThrow(
      expect.objectContaining({
        code: "adapter-unknown",
        hint: expect.stringContaining('Did you mean "support"?'),
      }),
    );
  });

  it("has the embedder, last, where that serves", () => {
    const all = withEmbedder(models, true);
    expect(listModels(all).data.map(({ id }) => id)).toEqual(["auto", "base", "support", "embedder"]);
    expect(retrieveModel(all, "embedder")).toMatchObject({ id: "embedder", created: 1767225600 });
    expect(withEmbedder(models, false)).toEqual(models);
  });
});
