import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createRouter,
  headVersion,
  loadHead,
  readAdapterExamples,
  readExamples,
  readRoutingRows,
  toExamples,
} from "../../server/routing/index.ts";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "patchbay-routing-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function write(name: string, ...lines: unknown[]): string {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(
    file,
    lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""),
  );
  return file;
}
const said = (...contents: string[]) => ({
  id: "row",
  messages: contents.map((content, at) => ({ role: at % 2 ? "assistant" : "user", content })),
});

const folders = () => ({ adaptersDir: folder, backgroundDir: path.join(folder, "router") });

describe("the examples of the adapters", () => {
  it("are those of a part of a large dataset, spread over it", () => {
    const rows = Array.from({ length: 1000 }, (_, at) => said(`question ${at}`, "An answer."));
    write("shop/dataset/train.jsonl", ...rows);
    const texts = readAdapterExamples(folder, "shop").map(({ text }) => Number(text.split(" ")[1]));
    expect(texts).toHaveLength(800);
    expect(Math.max(...texts.map((at, index) => at - (texts[index - 1] ?? -1)))).toBe(2);
    expect(texts.at(-1)).toBe(999);
  });

  it("are every user turn with what was said before it, further texts, the background, and joined conversations", () => {
    write("shop/dataset/train.jsonl", said("my parcel?", "Which one?", "the blue one", "I see."));
    write("shop/dataset/router.jsonl", { text: "refund please" }, "");
    write("router/train.jsonl", { text: "good morning" });
    const examples = readExamples(folders(), ["shop", "not-there"]);
    expect(examples.slice(0, 4)).toEqual([
      { text: "my parcel?", label: "shop", answer: "Which one?" },
      {
        text: "the blue one",
        label: "shop",
        answer: "I see.",
        before: { earlier: ["my parcel?"], assistant: "Which one?", expert: "shop" },
        group: "my parcel?",
      },
      { text: "refund please", label: "shop" },
      { text: "good morning", label: null },
    ]);
    const joined = examples.slice(4);
    expect(joined.some(({ text }) => text === "the blue one")).toBe(true);
    for (const { text, label, before } of joined) {
      const staysWith = before?.expert === "base" ? null : before?.expert;
      // A follow-up that would fit anywhere belongs to whoever was talking; what has a subject changes that.
      if (text === "the blue one") expect(label).toBe(staysWith);
      else expect(label).not.toBe(staysWith);
    }
  });

  it("end with the questions that the page offers, each with a place of its own", () => {
    write("shop/adapter.json", JSON.stringify({ id: "shop", examples: ["Where is my parcel?"] }));
    write("shop/dataset/router.jsonl", ...Array.from({ length: 1800 }, (_, at) => ({ text: `text ${at}` })));
    expect(readExamples(folders(), ["shop"]).at(-1)).toEqual({
      text: "Where is my parcel?",
      label: "shop",
      weight: 3,
      ownPlace: 1,
    });
  });

  it.each([
    ["shop/dataset/train.jsonl", '{"messages": []}'],
    ["shop/dataset/router.jsonl", "{"],
    ["router/train.jsonl", '{"text": 5}'],
  ])("name file and line of a malformed row in %s", (name, line) => {
    write(name, name.endsWith("shop/dataset/train.jsonl") ? said("a", "b") : { text: "fine" }, line);
    expect(() => readExamples(folders(), ["shop"])).toThrow(
      expect.objectContaining({
        code: "data-invalid",
        message: expect.stringContaining(`${path.join(folder, name)} line 2`),
      }),
    );
  });

  it.each([
    ["{", " is not JSON"],
    ['{"examples": "Where is my parcel?"}', ": examples: "],
  ])("name the file of a malformed adapter.json: %s", (content, fault) => {
    const file = write("shop/adapter.json", content);
    expect(() => readExamples(folders(), ["shop"])).toThrow(
      expect.objectContaining({
        code: "data-invalid",
        message: expect.stringContaining(`${file}${fault}`),
      }),
    );
  });

  it("brought by a person must exist and hold rows", () => {
    const invalid = expect.objectContaining({ code: "data-invalid" });
    expect(() => readRoutingRows(path.join(folder, "no.jsonl"))).toThrow(invalid);
    expect(() => readRoutingRows(write("empty.jsonl", ""))).toThrow(invalid);
    expect(() => readRoutingRows(write("bad.jsonl", { text: "x" }))).toThrow(/bad\.jsonl line 1: label/);
    expect(readRoutingRows(write("good.jsonl", { text: "x", label: null }))).toEqual([
      { text: "x", label: null },
    ]);
  });

  it("may be dialogues, of which each turn is learnt with what was said before it", () => {
    const turns = [
      { user: "my parcel?", assistant: "Which one?", label: "shop" },
      { user: "the blue one", assistant: null, label: "shop" },
      { user: "bye", label: null },
    ];
    const rows = readRoutingRows(write("dialogues.jsonl", { id: 7, turns }));
    expect(toExamples(rows)).toEqual([
      { text: "my parcel?", label: "shop" },
      {
        text: "the blue one",
        label: "shop",
        before: { earlier: ["my parcel?"], assistant: "Which one?", expert: "shop" },
        group: "my parcel?",
      },
      {
        text: "bye",
        label: null,
        before: { earlier: ["my parcel?", "the blue one"], assistant: "", expert: "shop" },
        group: "my parcel?",
      },
    ]);
    expect(() => readRoutingRows(write("bad.jsonl", { turns: [{ user: "x" }] }))).toThrow(
      /bad\.jsonl line 1: turns\.0\.label/,
    );
  });
});

describe("the router at the start of the server", () => {
  const load = () =>
    loadHead({ ...folders(), cacheDir: path.join(folder, "cache"), adapterIds: ["shop"], encoder: null });
  const cached = () => fs.readdirSync(path.join(folder, "cache", "router"));
  beforeEach(() => {
    write("shop/dataset/router.jsonl", { text: "refund please" }, { text: "my parcel" });
    write("router/train.jsonl", { text: "good morning" });
  });

  it("is trained once and then read from the cache, until an example changes", async () => {
    const head = await load();
    expect(cached()).toEqual([`${head.version}.json`]);
    expect(await load()).toEqual(head);
    write("router/train.jsonl", { text: "good evening" });
    expect((await load()).version).not.toBe(head.version);
    expect(cached()).toHaveLength(2);
  });

  it("is trained again where the cached copy is damaged", async () => {
    const head = await load();
    fs.writeFileSync(path.join(folder, "cache", "router", `${head.version}.json`), "{");
    expect(await load()).toEqual(head);
  });

  it("works without a cache to write to, and without any adapter", async () => {
    fs.writeFileSync(path.join(folder, "file"), "");
    const options = { ...folders(), cacheDir: path.join(folder, "file"), adapterIds: [], encoder: null };
    const router = createRouter(await loadHead(options));
    expect(router.version).toBe(headVersion(readExamples(folders(), [])));
    const turns = [{ role: "user" as const, text: "my parcel" }];
    expect((await router.route({ turns, previous: null })).domain).toBe("base");
  });
});
