import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChatMessage } from "../../server/engines/index.ts";
import { fitToContext, MIN_ANSWER_TOKENS } from "../../server/engines/local/fit-context.ts";

/** A token a word, as good as any tokenizer for arithmetic. */
const encode = (messages: ChatMessage[]): string[] =>
  messages.flatMap((message) => message.content.split(" "));
const words = (count: number, word: string): string => Array.from({ length: count }, () => word).join(" ");
const system: ChatMessage = { role: "system", content: "be kind" };

const turn = (size: number, name: string): ChatMessage[] => [
  { role: "user", content: words(size, `q${name}`) },
  { role: "assistant", content: words(size, `a${name}`) },
];

describe("fitting a conversation into the context", () => {
  it("keeps everything while there is room", () => {
    const messages = [system, ...turn(10, "1"), { role: "user", content: "and now" } as const];
    const fitted = fitToContext(messages, encode, { contextSize: 1024, maxTokens: 200 });
    expect(fitted).toMatchObject({ droppedTurns: 0, answerLimit: 200 });
    expect(fitted.tokens).toEqual(encode(messages));
  });

  it("lets the oldest turns leave first, never the system prompt or the newest turn", () => {
    const messages = [
      system,
      ...turn(200, "1"),
      ...turn(200, "2"),
      { role: "user", content: "newest" } as const,
    ];
    const fitted = fitToContext(messages, encode, { contextSize: 700, maxTokens: 200 });
    expect(fitted.droppedTurns).toBe(1);
    expect(fitted.tokens).toEqual(["be", "kind", ...encode(turn(200, "2")), "newest"]);
  });

  it("gives a shorter answer rather than refusing a long newest turn", () => {
    const messages: ChatMessage[] = [system, { role: "user", content: words(400, "w") }];
    const fitted = fitToContext(messages, encode, { contextSize: 512, maxTokens: 300 });
    expect(fitted.answerLimit).toBe(512 - 402);
  });

  it("refuses a newest turn that leaves no room for an answer", () => {
    const messages: ChatMessage[] = [system, { role: "user", content: words(500, "w") }];
    expect(() => fitToContext(messages, encode, { contextSize: 512, maxTokens: 300 })).toThrow(
      expect.objectContaining({ code: "prompt-too-long" }),
    );
  });

  it("keeps as many turns as fit, whether far more were sent or only some", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 });
    fc.assert(
      fc.property(sizes, fc.constantFrom("w", "long".repeat(20)), (turns, word) => {
        const said = turns.map((size) => turn(size, word));
        const newest: ChatMessage = { role: "user", content: "newest" };
        const limits = { contextSize: 512, maxTokens: 100 };
        const { droppedTurns } = fitToContext([system, ...said.flat(), newest], encode, limits);
        const left = (dropped: number) => encode([system, ...said.slice(dropped).flat(), newest]).length;
        expect(left(droppedTurns) + 100).toBeLessThanOrEqual(512);
        if (droppedTurns > 0) expect(left(droppedTurns - 1) + 100).toBeGreaterThan(512);
      }),
    );
  });

  it("reads no more than a few times what fits, however much was sent", () => {
    const messages = Array.from({ length: 5000 }, () => turn(10, "much-longer-words-than-usual")).flat();
    let read = 0;
    const counting = (some: ChatMessage[]) => {
      read += some.length;
      return encode(some);
    };
    const all = [system, ...messages, { role: "user", content: "newest" } as const];
    const { droppedTurns } = fitToContext(all, counting, { contextSize: 1024, maxTokens: 200 });
    expect(droppedTurns).toBe(5000 - 41);
    expect(read).toBeLessThan(1000);
  });

  it("never exceeds the context, whatever the conversation", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 256, max: 2048 }),
        fc.integer({ min: 1, max: 1024 }),
        (turns, contextSize, maxTokens) => {
          const newest = turns.at(-1) ?? 1;
          const messages = [
            system,
            ...turns.slice(0, -1).flatMap((size, index) => turn(size, String(index))),
            { role: "user", content: words(newest, "newest") } as const,
          ];
          const fits = newest + 2 + Math.min(maxTokens, MIN_ANSWER_TOKENS) <= contextSize;
          if (!fits)
            return void expect(() => fitToContext(messages, encode, { contextSize, maxTokens })).toThrow();
          const { tokens, answerLimit } = fitToContext(messages, encode, { contextSize, maxTokens });
          expect(tokens.length + answerLimit).toBeLessThanOrEqual(contextSize);
          expect(answerLimit).toBeGreaterThan(0);
          expect(tokens.slice(0, 2)).toEqual(["be", "kind"]);
          expect(tokens.slice(-newest)).toEqual(words(newest, "newest").split(" "));
        },
      ),
    );
  });
});
