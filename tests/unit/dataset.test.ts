import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readDataset } from "../../server/learning/index.ts";
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
  it("takes labelled turns from router.jsonl and labels.jsonl, and knows them apart", () => {
    const folder = datasetWith({
      "router.jsonl": [{ text: "charged twice", label: "billing" }, { text: "hello there" }],
      "labels.jsonl": [{ text: "my parcel is late", label: "delivery" }],
    });
    expect(readDataset(folder).labelled).toEqual([
      { id: "router-1", text: "charged twice", label: "billing" },
      { id: "labels-1", text: "my parcel is late", label: "delivery" },
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
    expect(() => readDataset(folder)).toThrow("heldout.jsonl: b begins like labels-1.");
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
