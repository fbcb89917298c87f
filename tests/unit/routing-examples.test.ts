import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  headVersion,
  loadHead,
  loadRouter,
  readExamples,
  readRoutingRows,
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
  it("are every user turn, later ones with less weight, further texts and the background", () => {
    write("shop/dataset/train.jsonl", said("my parcel?", "Which one?", "the blue one", "I see."));
    write("shop/dataset/router.jsonl", { text: "refund please" }, "");
    write("router/train.jsonl", { text: "good morning" });
    expect(readExamples(folders(), ["shop", "not-there"])).toEqual([
      { text: "my parcel?", label: "shop" },
      { text: "the blue one", label: "shop", weight: 0.4 },
      { text: "refund please", label: "shop" },
      { text: "good morning", label: null },
    ]);
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

  it("brought by a person must exist and hold rows", () => {
    const invalid = expect.objectContaining({ code: "data-invalid" });
    expect(() => readRoutingRows(path.join(folder, "no.jsonl"))).toThrow(invalid);
    expect(() => readRoutingRows(write("empty.jsonl", ""))).toThrow(invalid);
    expect(() => readRoutingRows(write("bad.jsonl", { text: "x" }))).toThrow(/bad\.jsonl line 1: label/);
    expect(readRoutingRows(write("good.jsonl", { text: "x", label: null }))).toEqual([
      { text: "x", label: null },
    ]);
  });
});

describe("the router at the start of the server", () => {
  const load = () => loadHead({ ...folders(), cacheDir: path.join(folder, "cache"), adapterIds: ["shop"] });
  const cached = () => fs.readdirSync(path.join(folder, "cache", "router"));
  beforeEach(() => {
    write("shop/dataset/router.jsonl", { text: "refund please" }, { text: "my parcel" });
    write("router/train.jsonl", { text: "good morning" });
  });

  it("is trained once and then read from the cache, until an example changes", () => {
    const head = load();
    expect(cached()).toEqual([`${head.version}.json`]);
    expect(load()).toEqual(head);
    write("router/train.jsonl", { text: "good evening" });
    expect(load().version).not.toBe(head.version);
    expect(cached()).toHaveLength(2);
  });

  it("is trained again where the cached copy is damaged", () => {
    const head = load();
    fs.writeFileSync(path.join(folder, "cache", "router", `${head.version}.json`), "{");
    expect(load()).toEqual(head);
  });

  it("works without a cache to write to, and without any adapter", async () => {
    fs.writeFileSync(path.join(folder, "file"), "");
    const options = { ...folders(), cacheDir: path.join(folder, "file"), adapterIds: [] };
    const router = await loadRouter(options);
    expect(router.version).toBe(headVersion(readExamples(folders(), [])));
    const turns = [{ role: "user" as const, text: "my parcel" }];
    expect((await router.route({ turns, previous: null })).domain).toBe("base");
  });
});
