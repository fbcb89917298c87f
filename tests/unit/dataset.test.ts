import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { questionsOf } from "../../server/learning/dataset.ts";
import { type Conversation, readDataset } from "../../server/learning/index.ts";
import { temporaryFolder } from "../support/folder.ts";

const conversation = (id: string, question: string) => ({
  id,
  label: "billing",
  messages: [
    { role: "user", content: question },
    { role: "assistant", content: "Let me explain." },
  ],
});

describe("readDataset", () => {
  it("takes turns from router.jsonl and labels.jsonl, and knows where each stands and which have a label", () => {
    const folder = datasetWith({
      "router.jsonl": [{ text: "charged twice", label: "billing" }, { text: "hello there" }],
      "labels.jsonl": [{ text: "my parcel is late", label: "delivery" }],
    });
    const at = (name: string, line: number) => `${path.join(folder, name)} line ${line}`;
    const { turns, labelled } = readDataset(folder);
    expect(labelled).toEqual([
      { id: "router-1", text: "charged twice", label: "billing", where: at("router.jsonl", 1) },
      { id: "labels-1", text: "my parcel is late", label: "delivery", where: at("labels.jsonl", 1) },
    ]);
    expect(turns.map(({ where }) => where)).toEqual([
      at("router.jsonl", 1),
      at("router.jsonl", 2),
      at("labels.jsonl", 1),
    ]);
  });

  it("has a hash of the labelled turns that changes with either file and stays without one", () => {
    const router = { "router.jsonl": [{ text: "charged twice", label: "billing" }] };
    const hashes = [
      router,
      { ...router, "labels.jsonl": [{ text: "my parcel is late", label: "delivery" }] },
      { ...router, "labels.jsonl": [{ text: "my parcel is late", label: "returns" }] },
    ].map((files) => readDataset(datasetWith(files)).labelledSha256);
    expect(new Set(hashes).size).toBe(3);
    expect(readDataset(datasetWith(router)).labelledSha256).toBe(hashes[0]);
  });

  it("refuses a labelled turn that a held-out row begins with", () => {
    const folder = datasetWith({ "labels.jsonl": [{ text: "Why two  payments", label: "billing" }] });
    expect(() => readDataset(folder)).toThrow(
      /heldout\.jsonl line 1 \(b\) begins like .*labels\.jsonl line 1\.$/,
    );
  });

  it("reads files that begin with a byte-order mark", () => {
    const folder = datasetWith({});
    const file = path.join(folder, "train.jsonl");
    fs.writeFileSync(file, `\ufeff${fs.readFileSync(file, "utf8")}`);
    expect(readDataset(folder).train.map(({ id }) => id)).toEqual(["a"]);
  });

  it("refuses an answer that says nothing, with file, line and id", () => {
    const silent = { ...conversation("c", "Are you there?") };
    const rows = [
      conversation("a", "Why was I charged?"),
      { ...silent, messages: [silent.messages[0], { role: "assistant", content: "… 👍" }] },
    ];
    expect(() => readDataset(datasetWith({ "train.jsonl": rows }))).toThrow(
      /train\.jsonl line 2 \(c\): messages\.1\.content: an answer without a letter or a digit/,
    );
  });
});

describe("what is asked", () => {
  const asked = (question: string) => questionsOf(conversation("a", question) as Conversation);

  it.each([
    ["我想取消我的订单。", "怎么退货？"],
    ["Где моя посылка?", "Как вернуть товар?"],
    ["où est le café", "o est le caf"],
    ["की", "का"],
    ["?", "!"],
  ])("is not the same in %s and %s", (one, other) => {
    expect(asked(one)).not.toBe(asked(other));
  });

  it.each([
    ["Où est le café ?", "où est le cafe\u0301"],
    ["怎么退货？", "怎么退货"],
  ])("is the same in %s and %s, whatever case, punctuation and coding", (one, other) => {
    expect(asked(one)).toBe(asked(other));
  });
});

function datasetWith(files: Record<string, object[]>): string {
  const folder = temporaryFolder();
  const write = (name: string, rows: object[]) =>
    fs.writeFileSync(path.join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  write("train.jsonl", [conversation("a", "Why was I charged?")]);
  write("heldout.jsonl", [conversation("b", "why two payments?")]);
  for (const [name, rows] of Object.entries(files)) write(name, rows);
  return folder;
}
