import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { publishVersion } from "../../server/learning/publish-version.ts";
import { PatchbayError } from "../../server/protocol/index.ts";
import {
  type Adapter,
  changesBetween,
  changesInWords,
  evaluationFileStem,
  Registry,
  readCards,
  readManifest,
  readVersion,
  type VersionCard,
  versionFileStem,
} from "../../server/registry/index.ts";
import {
  adaptersFolder,
  addVersion,
  dropIn,
  editManifest,
  newAdapter,
  otherBase,
  promptsDir,
  shippedBaseSha256,
  shippedVersion,
} from "../support/adapters.ts";

const open = (adaptersDir: string, prove: (id: string) => void = () => undefined) =>
  Registry.open({ adaptersDir, promptsDir, prove }, shippedBaseSha256());

const fileOf = (registry: Registry, id: string) => registry.find(id).version?.file;

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
    const [old, now] = [fileOf(before, "support"), fileOf(after, "support")];
    expect(now?.version).toBe(shippedVersion("support", 1));
    expect(now?.sha256).not.toBe(old?.sha256);
    expect(fs.existsSync(old?.path ?? "")).toBe(true);
  });

  it("takes the evaluation that lies beside a version for no card", async () => {
    const folder = adaptersFolder(["support"]);
    const [card] = readCards(path.join(folder, "support"));
    const name = `${evaluationFileStem(card?.sha256 ?? "")}.json`;
    fs.writeFileSync(
      path.join(folder, "support", "versions", name),
      `{"candidate": "${shippedVersion("support")}"}`,
    );
    const registry = await open(folder);
    expect(rejectedOf(registry)).toEqual([]);
    expect(fileOf(registry, "support")?.version).toBe(shippedVersion("support"));
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

describe("a folder with versions for several base models", () => {
  const onBase = (adaptersDir: string, sha256: string) =>
    Registry.open({ adaptersDir, promptsDir, model: "hf:some/other model.gguf" }, sha256);

  it("serves the one that fits the model that runs", async () => {
    const folder = adaptersFolder(["support"]);
    const support = path.join(folder, "support");
    const added = addVersion(support, otherBase);
    editManifest(support, { current: [added - 1, added] });
    expect(fileOf(await open(folder), "support")?.version).toBe(shippedVersion("support"));
    expect(fileOf(await onBase(folder, otherBase.sha256), "support")?.version).toBe(
      shippedVersion("support", 1),
    );
  });

  it("is a prompt alone where none fits, with the command that would train one", async () => {
    const folder = adaptersFolder(["health", "support"]);
    editManifest(path.join(folder, "health"), { current: [] });
    const registry = await onBase(folder, otherBase.sha256);
    expect(rejectedOf(registry)).toEqual([]);
    for (const id of ["health", "support"])
      expect(registry.find(id)).toMatchObject({
        version: null,
        summary: {
          version: null,
          train: `npx patchbay adapters train ${id} --model 'hf:some/other model.gguf'`,
        },
        prompt: { text: expect.stringContaining("expert") },
      });
  });

  it("goes from its prompt to a version and back as they come and go", async () => {
    const folder = adaptersFolder(["support"]);
    const support = path.join(folder, "support");
    const before = await onBase(folder, otherBase.sha256);
    const ordinal = addVersion(support, otherBase);
    const trained = await before.rescan();
    expect(fileOf(trained, "support")?.version).toBe(shippedVersion("support", 1));
    expect(changesInWords(changesBetween(before, trained))).toEqual([
      `${shippedVersion("support", 1)} is plugged in`,
    ]);
    editManifest(support, { current: [ordinal - 1] });
    const again = await trained.rescan();
    expect(again.find("support").version).toBeNull();
    expect(changesInWords(changesBetween(trained, again))).toEqual([
      expect.stringMatching(/^support answers under its prompt alone.*adapters train support --model/),
    ]);
  });

  it.each([
    ["a current version without a card, as in a half-copied folder", 7],
    ["two current versions for the same model", 0],
  ])("is left out for %s", async (_, missing) => {
    const folder = adaptersFolder(["support"]);
    const ordinal = addVersion(path.join(folder, "support"));
    editManifest(path.join(folder, "support"), { current: [ordinal - 1, ordinal + missing] });
    expect(rejectedOf(await open(folder))).toEqual([["support", "adapter-invalid"]]);
  });

  it("is left out where a file was trained for another model than its card says", async () => {
    const folder = adaptersFolder(["support"]);
    const support = path.join(folder, "support");
    addVersion(support, otherBase);
    const { versions, file } = currentFile(support);
    const card = path.join(versions, path.basename(file).replace(/gguf$/, "json"));
    const said = JSON.parse(fs.readFileSync(card, "utf8"));
    fs.writeFileSync(card, JSON.stringify({ ...said, base: { name: "ours", sha256: shippedBaseSha256() } }));
    expect(rejectedOf(await open(folder))).toEqual([["support", "adapter-base-mismatch"]]);
  });

  it("gives by name what serves on a model, and refuses what was trained for another", async () => {
    const support = path.join(adaptersFolder(["support"]), "support");
    const added = addVersion(support, otherBase);
    editManifest(support, { current: [added - 1, added] });
    const [ours, theirs] = [{ sha256: shippedBaseSha256() }, { sha256: otherBase.sha256 }];
    expect((await readVersion(support, null, ours)).file.version).toBe(shippedVersion("support"));
    expect((await readVersion(support, null, theirs)).file.version).toBe(shippedVersion("support", 1));
    await expect(readVersion(support, 1, theirs)).rejects.toMatchObject({ code: "adapter-base-mismatch" });
    await expect(readVersion(support, null, { sha256: "b".repeat(64) })).rejects.toMatchObject({
      code: "adapter-unknown",
      hint: expect.stringMatching(
        new RegExp(`${shippedVersion("support", 1)} for another.*adapters train support`),
      ),
    });
  });

  it("keeps what serves for other models when a version is published", async () => {
    const folder = adaptersFolder(["support"]);
    const support = path.join(folder, "support");
    const { file } = currentFile(support);
    const { ordinal, sha256: _, bytes: __, ...card } = readCards(support)[0] as VersionCard;
    const other = path.join(folder, "other.gguf");
    fs.writeFileSync(other, Buffer.concat([fs.readFileSync(file), Buffer.from("x")]));
    expect(await publishVersion(support, other, { ...card, base: otherBase })).toMatchObject({
      ordinal: ordinal + 1,
    });
    expect(readManifest(support).current).toEqual([ordinal, ordinal + 1]);
    fs.appendFileSync(other, "y");
    expect(await publishVersion(support, other, { ...card, base: otherBase })).toMatchObject({
      ordinal: ordinal + 2,
    });
    expect(readManifest(support).current).toEqual([ordinal, ordinal + 2]);
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
      `${shippedVersion("entertainment")} is unplugged`,
      `${shippedVersion("health")} has changed`,
      `${shippedVersion("support", 1)} takes the place of ${shippedVersion("support")}`,
      "legal@1 is plugged in",
      expect.stringContaining("adapter broken is left out: broken/adapter.json: "),
    ]);
  });
});

function currentFile(folder: string) {
  const versions = path.join(folder, "versions");
  const [current] = readManifest(folder).current;
  const card = readCards(folder).find(({ ordinal }) => ordinal === current) as VersionCard;
  const file = path.join(versions, `${versionFileStem(card.sha256)}.gguf`);
  return { versions, file, whole: fs.readFileSync(file) };
}
