import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdapter, type Imported, type NewAdapter, readDataset } from "../../server/learning/index.ts";
import { leaks } from "../../server/learning/leaks.ts";
import { readManifest, readPrompt } from "../../server/registry/index.ts";

let home: string;
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "patchbay-new-"));
  for (const name of ["adapters", "prompts"]) fs.mkdirSync(path.join(home, name));
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

const SUBJECTS = ["the deposit", "a loud neighbour", "my old contract", "the broken heating", "a late rent"];
const VERBS = ["keep", "refuse", "end", "report", "share", "change"];
const rows = (label?: (index: number) => string): Imported[] =>
  SUBJECTS.flatMap((subject, s) =>
    VERBS.map((verb, v): Imported => {
      const index = s * VERBS.length + v;
      return {
        system: "You are a lawyer for tenants.",
        conversation: {
          id: "x",
          ...(label && { label: label(index) }),
          messages: [
            { role: "user", content: `Question ${index}: may I ${verb} ${subject}?` },
            { role: "assistant", content: `Answer ${index} about how to ${verb} ${subject}.` },
          ],
        },
      };
    }),
  );
const create = (change: Partial<NewAdapter> = {}) =>
  createAdapter(
    {
      id: "legal",
      title: "Legal",
      description: "Tenancy",
      prompt: null,
      source: "my.jsonl",
      rows: rows(),
      ...change,
    },
    { adaptersDir: path.join(home, "adapters"), promptsDir: path.join(home, "prompts") },
  );

describe("a new domain", () => {
  it("is a folder with manifest, prompt, card and rows of its own, a fifth of them held out, the same each time", () => {
    const { folder, train, heldOut } = create();
    expect([train, heldOut]).toEqual([24, 6]);
    expect(readManifest(folder)).toMatchObject({ id: "legal", current: [], labelTask: null });
    expect(readPrompt(path.join(home, "prompts"), "legal.md").text).toBe("You are a lawyer for tenants.");
    expect(fs.readFileSync(path.join(folder, "dataset", "README.md"), "utf8")).toContain("my.jsonl");
    const first = readDataset(path.join(folder, "dataset"));
    expect(new Set([...first.train, ...first.heldOut].map(({ id }) => id)).size).toBe(30);
    expect(
      readDataset(path.join(create({ id: "again" }).folder, "dataset")).heldOut.map(
        ({ messages }) => messages,
      ),
    ).toEqual(first.heldOut.map(({ messages }) => messages));
  });

  it("has a label task where every row has a label", () => {
    const { folder } = create({ rows: rows((index) => (index % 2 ? "tenant" : "owner")) });
    expect(readManifest(folder).labelTask?.labels).toEqual(["owner", "tenant"]);
  });

  it("keeps rows that are nearly the same on one side", () => {
    const twice = rows().flatMap((row) => [row, row]);
    const { folder } = create({ rows: twice.slice(0, 40) });
    const { train, heldOut } = readDataset(path.join(folder, "dataset"));
    expect(heldOut.length).toBeGreaterThan(0);
    const asked = (all: typeof train) => new Set(all.map(({ messages }) => messages[0]?.content));
    expect([...asked(heldOut)].filter((question) => asked(train).has(question))).toEqual([]);
  });

  it("keeps rows that ask the same on one side, however they are answered", () => {
    const answers = [
      "Yes, by all means, whenever it suits you and them.",
      "No; not before the court has said so.",
    ];
    const twice = rows().flatMap(({ conversation, system }) =>
      answers.map(
        (content): Imported => ({
          system,
          conversation: {
            ...conversation,
            messages: [...conversation.messages.slice(0, 1), { role: "assistant", content }],
          },
        }),
      ),
    );
    const { folder } = create({ rows: twice });
    const { train, heldOut } = readDataset(path.join(folder, "dataset"));
    expect(heldOut.length).toBeGreaterThan(0);
    expect(leaks(train, heldOut)).toEqual([]);
  });

  it("keeps a row on the side of both others that it is nearly the same as, which are less like each other", () => {
    // Chains of three windows over the same words: the first and the second are further apart than near.
    const chains = Array.from({ length: 12 }, (_, chain) =>
      [0, 8, 6].map((from): Imported => {
        const words = Array.from({ length: 24 }, (_, index) => `word${chain}x${from + index}`);
        return {
          system: null,
          conversation: {
            id: "x",
            messages: [
              { role: "user", content: words.join(" ") },
              { role: "assistant", content: "Yes." },
            ],
          },
        };
      }),
    );
    const { train, heldOut } = readDataset(path.join(create({ rows: chains.flat() }).folder, "dataset"));
    expect(heldOut.length).toBeGreaterThan(0);
    expect(leaks(train, heldOut)).toEqual([]);
  });

  it("is split in scripts that have no ASCII letters too", () => {
    const [subjects, verbs] = [
      ["押金", "邻居的噪音", "旧合同", "坏掉的暖气", "迟交的房租"],
      ["保留", "拒绝", "结束", "报告", "分享", "修改"],
    ];
    const chinese = subjects?.flatMap((subject) =>
      (verbs ?? []).map(
        (verb): Imported => ({
          system: null,
          conversation: {
            id: "x",
            messages: [
              { role: "user", content: `我可以${verb}${subject}吗？` },
              { role: "assistant", content: `关于${subject}：${verb}之前先看合同。` },
            ],
          },
        }),
      ),
    );
    expect(create({ rows: chinese ?? [] })).toMatchObject({ train: 24, heldOut: 6 });
  });

  it.each([
    ["a title that is too long", { title: "x".repeat(41) }, "bad-request"],
    ["an id with capitals", { id: "Legal" }, "bad-request"],
    ["an id that leaves the folder", { id: "../legal" }, "bad-request"],
    ["a reserved id", { id: "auto" }, "bad-request"],
    ["too few rows", { rows: rows().slice(0, 19) }, "data-invalid"],
    ["rows of which none can be held out", { rows: Array(30).fill(rows()[0]) }, "data-invalid"],
  ])("is refused for %s, and nothing is written", (_, change, code) => {
    expect(() => create(change)).toThrow(expect.objectContaining({ code }));
    expect(fs.readdirSync(path.join(home, "adapters"))).toEqual([]);
    expect(fs.readdirSync(path.join(home, "prompts"))).toEqual([]);
  });

  it("never writes over one that is there", () => {
    create();
    expect(() => create()).toThrow(expect.objectContaining({ code: "bad-request" }));
  });
});
