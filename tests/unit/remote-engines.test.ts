import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readChatStream } from "../../server/engines/remote/chat-stream.ts";
import { CircuitBreaker } from "../../server/engines/remote/circuit-breaker.ts";
import { turnsToDrop, withoutOldestTurns } from "../../server/engines/remote/leave-out-turns.ts";
import { costOf } from "../../server/engines/remote/price.ts";
import { pauseBefore } from "../../server/engines/remote/retry.ts";
import { RemoteFailure } from "../../server/engines/remote/upstream.ts";
import { wishFields } from "../../server/engines/remote/wish-fields.ts";
import { request } from "../support/generate.ts";

const failure = (code: RemoteFailure["code"], retryAfterMs: number | null = null) =>
  new RemoteFailure(code, "It failed.", { retryAfterMs });

describe("the pause before another attempt", () => {
  it("grows, and is drawn by lot", () => {
    const failed = failure("remote-failed");
    expect([1, 2, 3, 9].map((attempt) => pauseBefore(failed, attempt, 1))).toEqual([250, 500, 1_000, 4_000]);
    expect(pauseBefore(failed, 3, 0)).toBe(0);
  });

  it("is what the server asks for and a little more, unless that is long", () => {
    expect(pauseBefore(failure("remote-busy", 2_000), 1, 0)).toBe(2_000);
    expect(pauseBefore(failure("remote-busy", 2_000), 1, 1)).toBe(2_250);
    expect(pauseBefore(failure("remote-busy", 60_000), 1, 0)).toBeNull();
  });

  it("is not made because a server asks for it while another engine is free", () => {
    expect(pauseBefore(failure("remote-busy", 2_000), 1, 0, true)).toBeNull();
    expect(pauseBefore(failure("remote-failed"), 1, 1, true)).toBe(250);
  });

  it("is pointless after what will not pass, or has taken its time", () => {
    for (const code of [
      "remote-key-refused",
      "remote-model-unknown",
      "remote-refused",
      "remote-timeout",
    ] as const)
      expect(pauseBefore(failure(code), 1, 0)).toBeNull();
  });
});

describe("a circuit breaker", () => {
  const broken = failure("remote-failed");

  function breakerAt(start: number) {
    const clock = { now: start };
    return { clock, breaker: new CircuitBreaker(() => clock.now) };
  }

  it("opens at the third failure in a row, and says which it was", () => {
    const { breaker } = breakerAt(0);
    breaker.failed(broken);
    breaker.failed(broken);
    breaker.succeeded();
    breaker.failed(broken);
    breaker.failed(broken);
    expect(breaker.isClosed).toBe(true);
    breaker.failed(broken);
    expect(breaker.isClosed).toBe(false);
    expect(() => breaker.enter()).toThrow(broken);
  });

  it("lets one try after a while: a failure opens it at once, a success closes it, leaving lets the next one try", () => {
    const { breaker, clock } = breakerAt(0);
    for (let time = 0; time < 3; time++) breaker.failed(broken);
    clock.now = 30_000;
    breaker.enter();
    expect(() => breaker.enter()).toThrow(broken);
    breaker.failed(broken);
    expect(breaker.isClosed).toBe(false);
    clock.now = 60_000;
    breaker.enter();
    breaker.left();
    breaker.enter();
    breaker.succeeded();
    breaker.enter();
    breaker.enter();
  });

  it("lets others in from the first word of a trial on, and opens at once where that answer then fails", () => {
    const { breaker, clock } = breakerAt(0);
    for (let time = 0; time < 3; time++) breaker.failed(broken);
    clock.now = 30_000;
    breaker.enter();
    breaker.began();
    breaker.enter();
    breaker.failed(broken);
    expect(() => breaker.enter()).toThrow(broken);
  });

  it("opens for an engine that begins every answer and ends none", () => {
    const { breaker } = breakerAt(0);
    for (let time = 0; time < 3; time++) {
      breaker.enter();
      breaker.began();
      breaker.failed(broken);
    }
    expect(breaker.isClosed).toBe(false);
  });
});

describe("leaving out turns", () => {
  const message = fc.record({
    role: fc.constantFrom("user" as const, "assistant" as const),
    content: fc.string({ minLength: 1, maxLength: 50 }),
  });
  const conversation = fc
    .tuple(fc.array(message, { maxLength: 20 }), fc.string())
    .map(([turns, content]) => [
      { role: "system" as const, content: "Be brief." },
      ...turns,
      { role: "user" as const, content },
    ]);

  it("comes to an end with the newest turn, whatever the server says", () => {
    fc.assert(
      fc.property(
        conversation,
        fc.option(fc.double({ min: 0.01, max: 2, noNaN: true })),
        (messages, share) => {
          const details = share === null ? undefined : { promptTokens: 1_000, contextSize: 1_000 * share };
          let dropped = 0;
          for (
            let next = turnsToDrop(messages, 0, details);
            next !== null;
            next = turnsToDrop(messages, next, details)
          ) {
            expect(next).toBeGreaterThan(dropped);
            dropped = next;
          }
          const left = withoutOldestTurns(messages, dropped);
          expect(left[0]).toEqual(messages[0]);
          expect(left.at(-1)).toEqual(messages.at(-1));
          expect(left.filter(({ role }) => role === "user").length).toBe(1);
        },
      ),
    );
  });
});

describe("a chat stream", () => {
  async function read(...chunks: unknown[]) {
    const seen: unknown[] = [];
    const source = (async function* () {
      yield* chunks;
    })();
    for await (const event of readChatStream("cloud", source)) seen.push(event);
    return seen;
  }
  const delta = (content: string | null, finish_reason: string | null = null) => ({
    choices: [{ index: 0, delta: { role: "assistant", content }, finish_reason }],
  });

  it("is read with everything that servers add, and with the counts that come after the end", async () => {
    expect(
      await read(
        { ...delta(null), prompt_progress: { total: 30, cache: 10, processed: 10, time_ms: 1 } },
        { ...delta("Hi"), usage: null, system_fingerprint: "x" },
        delta("", "length"),
        {
          choices: [],
          usage: { prompt_tokens: 30, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 10 } },
        },
      ),
    ).toEqual([
      { type: "usage", usage: { prompt: 30, cached: 10, completion: 0 } },
      { type: "text", text: "Hi" },
      { type: "end", reason: "length" },
      { type: "usage", usage: { prompt: 30, cached: 10, completion: 1 } },
    ]);
  });

  it("that holds anything else fails with a code and nothing worse", async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (chunk) => {
        await expect(read(chunk)).rejects.toMatchObject({ code: "remote-failed" });
      }),
    );
  });
});

it("alternatives go elsewhere as anyOf, the one word that OpenAI knows for them", () => {
  const schema = {
    type: "object",
    properties: { oneOf: { oneOf: [{ type: "string" }, { type: "null" }] } },
    additionalProperties: false,
  } as const;
  expect(wishFields(request("Hello", { format: { type: "json-schema", schema } }))).toMatchObject({
    response_format: {
      json_schema: { schema: { properties: { oneOf: { anyOf: [{ type: "string" }, { type: "null" }] } } } },
    },
  });
});

it("a price is for a million tokens, with a discount for those from the cache where there is one", () => {
  const usage = { prompt: 1_000, cached: 400, completion: 200 };
  expect(costOf(usage, { prompt: 1, completion: 10 })).toBeCloseTo(0.003, 12);
  expect(costOf(usage, { prompt: 1, cached: 0.5, completion: 10 })).toBeCloseTo(0.0028, 12);
});
