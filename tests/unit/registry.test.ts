import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { PatchbayError } from "../../server/protocol/index.ts";
import { type Adapter, changesBetween, changesInWords, Registry } from "../../server/registry/index.ts";
import {
  adaptersFolder,
  addVersion,
  dropIn,
  editManifest,
  newAdapter,
  promptsDir,
  shippedBaseSha256,
} from "../support/adapters.ts";

const open = (adaptersDir: string, prove: (id: string) => void = () => undefined) =>
  Registry.open({ adaptersDir, promptsDir, prove }, shippedBaseSha256());

const rejectedOf = ({ rejected }: Registry) => rejected.map(({ id, error }) => [id, error.code]);

describe("looking at the folders again", () => {
  it("finds nothing new where nothing has changed, and proves nothing again", async () => {
    const proved: string[] = [];
    const registry = await open(adaptersFolder(["health", "support"]), (id) => proved.push(id));
    expect(await registry.rescan()).toBe(registry);
    expect(proved).toEqual(["health", "support"]);
  });

  it("proves an adapter that was dropped in and no other, and leaves the registry before as it was", async () => {
    const folder = adaptersFolder(["health", "support"]);
    const proved: string[] = [];
    const before = await open(folder, (id) => proved.push(id));
    dropIn(newAdapter("legal"), folder);
    const after = await before.rescan();
    expect([...after.adapters.keys()]).toEqual(["health", "legal", "support"]);
    expect(after.adapters.get("health")).toBe(before.adapters.get("health"));
    expect(proved).toEqual(["health", "support", "legal"]);
    expect([...before.adapters.keys()]).toEqual(["health", "support"]);
  });

  it("sees another version, and the file of the one before stays where it was", async () => {
    const folder = adaptersFolder(["support"]);
    const before = await open(folder);
    addVersion(path.join(folder, "support"));
    const after = await before.rescan();
    expect(after.find("support").file.version).toBe("support@2");
    expect(after.find("support").file.sha256).not.toBe(before.find("support").file.sha256);
    expect(fs.existsSync(before.find("support").file.path)).toBe(true);
  });

  it("reports a half-copied folder and gets it right once it is whole", async () => {
    const folder = adaptersFolder(["support"]);
    const before = await open(folder);
    const legal = dropIn(newAdapter("legal"), folder);
    const { versions, whole, file } = currentFile(legal);
    fs.writeFileSync(file, whole.subarray(0, 1_000_000));
    const half = await before.rescan();
    expect(rejectedOf(half)).toEqual([["legal", "adapter-hash-mismatch"]]);
    expect([...half.adapters.keys()]).toEqual(["support"]);
    expect(await half.rescan()).toBe(half);
    fs.writeFileSync(path.join(versions, path.basename(file)), whole);
    const full = await half.rescan();
    expect(rejectedOf(full)).toEqual([]);
    expect([...full.adapters.keys()]).toEqual(["legal", "support"]);
  });

  it("notices a file that was replaced by one of the same size and time", async () => {
    const folder = adaptersFolder(["support"]);
    const before = await open(folder);
    const { file, whole } = currentFile(path.join(folder, "support"));
    const { atime, mtime } = fs.statSync(file);
    whole[whole.length - 1] = (whole.at(-1) ?? 0) ^ 1;
    fs.writeFileSync(file, whole);
    fs.utimesSync(file, atime, mtime);
    expect(rejectedOf(await before.rescan())).toEqual([["support", "adapter-hash-mismatch"]]);
  });

  it("leaves out a folder for which something else does not hold", async () => {
    const registry = await open(adaptersFolder(["health", "support"]), (id) => {
      if (id === "health") throw new PatchbayError("data-invalid", "A row is malformed.");
    });
    expect([...registry.adapters.keys()]).toEqual(["support"]);
    expect(rejectedOf(registry)).toEqual([["health", "data-invalid"]]);
  });
});

describe("the changes between two looks", () => {
  it("are none between a registry and itself", async () => {
    const registry = await open(adaptersFolder(["support"]));
    expect(changesBetween(registry, registry)).toEqual({ added: [], swapped: [], removed: [], rejected: [] });
  });

  it("are added, swapped and removed adapters and newly rejected folders, each in a line for people", async () => {
    const folder = adaptersFolder();
    const inFolder = (id: string) => path.join(folder, id);
    fs.writeFileSync(path.join(inFolder("education"), "adapter.json"), "{");
    const before = await open(folder);
    dropIn(newAdapter("legal"), folder);
    addVersion(inFolder("support"));
    editManifest(inFolder("health"), { title: "Wellbeing" });
    fs.rmSync(inFolder("entertainment"), { recursive: true });
    fs.mkdirSync(inFolder("broken"));
    fs.writeFileSync(path.join(inFolder("broken"), "adapter.json"), "{}");
    const after = await before.rescan();
    const changes = changesBetween(before, after);
    const ids = (adapters: Adapter[]) => adapters.map(({ summary }) => summary.id);
    expect(ids(changes.added)).toEqual(["legal"]);
    expect(ids(changes.swapped.map((swap) => swap.after))).toEqual(["health", "support"]);
    expect(changes.swapped[1]?.before).toBe(before.find("support"));
    expect(ids(changes.removed)).toEqual(["entertainment"]);
    expect(changes.rejected.map(({ id }) => id)).toEqual(["broken"]);
    expect(changesInWords(changes)).toEqual([
      "entertainment@1 is unplugged",
      "health@1 has changed",
      "support@2 takes the place of support@1",
      "legal@2 is plugged in",
      expect.stringContaining("adapter broken is left out: broken/adapter.json: "),
    ]);
  });
});

function currentFile(folder: string) {
  const versions = path.join(folder, "versions");
  const { current } = JSON.parse(fs.readFileSync(path.join(folder, "adapter.json"), "utf8"));
  const cards = fs.readdirSync(versions).filter((name) => name.endsWith(".json"));
  const card = cards.find(
    (name) => JSON.parse(fs.readFileSync(path.join(versions, name), "utf8")).ordinal === current,
  ) as string;
  const file = path.join(versions, card.replace(/json$/, "gguf"));
  return { versions, file, whole: fs.readFileSync(file) };
}
