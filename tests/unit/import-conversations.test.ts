import { describe, expect, it } from "vitest";
import { importConversations } from "../../server/learning/index.ts";

const jsonl = (...rows: unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const turns = (content: string, name = "rows.jsonl") =>
  importConversations(content, name).rows.map(({ conversation }) =>
    conversation.messages.map(({ role, content: text }) => `${role}: ${text}`),
  );
const expected = ["user: May I keep the deposit?", "assistant: Only for damage."];

describe("conversations are read from", () => {
  it.each([
    [
      "messages",
      {
        messages: [
          { role: "user", content: "May I keep the deposit?" },
          { role: "assistant", content: "Only for damage." },
        ],
      },
    ],
    [
      "messages with parts",
      {
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "May I keep " },
              { type: "text", text: "the deposit?" },
            ],
          },
          { role: "assistant", content: "Only for damage." },
        ],
      },
    ],
    ["prompt and completion", { prompt: "May I keep the deposit?", completion: "Only for damage." }],
    [
      "prompt and completion as messages",
      {
        prompt: [{ role: "user", content: "May I keep the deposit?" }],
        completion: [{ role: "assistant", content: "Only for damage." }],
      },
    ],
    [
      "ShareGPT",
      {
        conversations: [
          { from: "human", value: "May I keep the deposit?" },
          { from: "gpt", value: "Only for damage." },
        ],
      },
    ],
    ["Alpaca", { instruction: "May I keep the deposit?", input: "", output: "Only for damage." }],
    ["question and answer", { question: "May I keep the deposit?", answer: "Only for damage." }],
  ])("%s, as lines or as an array", (_, row) => {
    expect(turns(jsonl(row))).toEqual([expected]);
    expect(turns(JSON.stringify([row]), "rows.json")).toEqual([expected]);
  });

  it.each([
    ["rows.csv", 'Question,Answer\n"May I keep the deposit?",Only for damage.\n'],
    ["rows.csv", "\ufeffprompt;response\r\nMay I keep the deposit?;Only for damage.\r\n"],
    ["rows.tsv", "id\tuser\tassistant\n7\tMay I keep the deposit?\tOnly for damage.\n"],
  ])("a table, %s", (name, content) => {
    expect(turns(content, name)).toEqual([expected]);
  });

  it("keep label and system message, and lose a greeting before and a question without an answer", () => {
    const { rows } = importConversations(
      jsonl({
        label: "tenancy",
        messages: [
          { role: "system", content: "You are a lawyer." },
          { role: "assistant", content: "Hello!" },
          { role: "user", content: "May I keep the deposit?" },
          { role: "assistant", content: "Only for damage." },
          { role: "user", content: "Thanks" },
        ],
      }),
      "rows.jsonl",
    );
    expect(rows).toEqual([
      {
        system: "You are a lawyer.",
        conversation: {
          id: "rows-1",
          label: "tenancy",
          messages: [
            { role: "user", content: "May I keep the deposit?" },
            { role: "assistant", content: "Only for damage." },
          ],
        },
      },
    ]);
  });
});

describe("what is no conversation", () => {
  it.each([
    ["not JSON", "{\n", /not JSON/],
    ["a number", "5\n", /not a JSON object/],
    ["unknown fields", jsonl({ q: "a", a: "b" }), /it has the fields q, a/],
    ["no answer", jsonl({ messages: [{ role: "user", content: "hello?" }] }), /./],
    [
      "two questions in a row",
      jsonl({
        messages: [
          { role: "user", content: "a" },
          { role: "user", content: "b" },
          { role: "assistant", content: "c" },
        ],
      }),
      /alternate/,
    ],
    ["an empty answer", jsonl({ prompt: "a", completion: " " }), /./],
    [
      "a tool's turn",
      jsonl({
        messages: [
          { role: "user", content: "a" },
          { role: "tool", content: "b" },
          { role: "assistant", content: "c" },
        ],
      }),
      /role "tool"/,
    ],
  ])("is refused with its line: %s", (_, content, why) => {
    const { rows, refused } = importConversations(`\n${content}`, "rows.jsonl");
    expect(rows).toEqual([]);
    expect(refused).toEqual([{ where: "rows.jsonl line 2", why: expect.stringMatching(why) }]);
  });

  it("leaves the other rows as they are", () => {
    const { rows, refused } = importConversations(
      `${jsonl({ prompt: "a", completion: "b" })}nonsense\n`,
      "x.jsonl",
    );
    expect([rows.length, refused.length]).toEqual([1, 1]);
  });

  it("is a table without such columns, whose names are told", () => {
    expect(() => importConversations("name,age\nAnn,5\n", "people.csv")).toThrow(
      expect.objectContaining({ code: "data-invalid", hint: expect.stringContaining("name, age") }),
    );
  });

  it("is a row of a table without an answer", () => {
    expect(importConversations("question,answer\na,\n", "x.csv").refused).toHaveLength(1);
  });
});
