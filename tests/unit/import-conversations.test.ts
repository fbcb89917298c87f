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
    ...["chatgpt", "bing", "bard"].map((from): [string, object] => [
      `ShareGPT with ${from}'s answers`,
      {
        conversations: [
          { from: "human", value: "May I keep the deposit?" },
          { from, value: "Only for damage." },
        ],
      },
    ]),
    [
      "messages with tool calls that hold none",
      {
        messages: [
          { role: "user", content: "May I keep the deposit?" },
          { role: "assistant", content: "Only for damage.", tool_calls: [], function_call: null },
        ],
      },
    ],
    [
      "messages of which the last answers have weight 0",
      {
        messages: [
          { role: "user", content: "May I keep the deposit?" },
          { role: "assistant", content: "Only for damage.", weight: 1 },
          { role: "user", content: "And the rent?" },
          { role: "assistant", content: "Whatever you like.", weight: 0 },
        ],
      },
    ],
  ])("%s, as lines or as an array, with a byte-order mark or without", (_, row) => {
    for (const mark of ["", "\ufeff"]) {
      expect(turns(mark + jsonl(row))).toEqual([expected]);
      expect(turns(mark + JSON.stringify([row]), "rows.json")).toEqual([expected]);
    }
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
    [
      "a call of a tool",
      jsonl({
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "let me look", tool_calls: [{ id: "1", type: "function" }] },
        ],
      }),
      /^tool calls cannot be learnt from/,
    ],
    [
      "a turn whose content is null",
      jsonl({
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: null },
        ],
      }),
      /^a turn without text \(null\)/,
    ],
    [
      "only answers of weight 0",
      jsonl({
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b", weight: 0 },
        ],
      }),
      /^no question with an answer/,
    ],
    [
      "an answer of weight 0 before one that is to be learnt",
      jsonl({
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b", weight: 0 },
          { role: "user", content: "c" },
          { role: "assistant", content: "d", weight: 1 },
        ],
      }),
      /^an answer of weight 0 before others/,
    ],
    ["an answer that says nothing", jsonl({ prompt: "a", completion: "..." }), /too short to learn from/],
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
