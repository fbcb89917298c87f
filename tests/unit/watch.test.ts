import fs from "node:fs";
import path from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { FolderWatcher } from "../../server/registry/index.ts";
import { temporaryFolder } from "../support/folder.ts";

function watch(folder: string) {
  const told = vi.fn();
  const watcher = new FolderWatcher([folder], told, { quietMs: 30, mostMs: 200, pollMs: 30 });
  onTestFinished(() => watcher.close());
  return { told, watcher };
}

/** Waits for the first call since the last time. */
async function toldOf(told: ReturnType<typeof vi.fn>): Promise<void> {
  await vi.waitFor(() => expect(told).toHaveBeenCalled(), { timeout: 5_000 });
  // What came of the same change late.
  await new Promise((resolve) => setTimeout(resolve, 100));
  told.mockClear();
}

it("tells of files that are written, replaced again and again, and removed, in folders that came later too", async () => {
  const folder = temporaryFolder();
  const { told } = watch(folder);
  const versions = path.join(folder, "legal", "versions");
  fs.mkdirSync(versions, { recursive: true });
  await toldOf(told);
  fs.writeFileSync(path.join(versions, "a.gguf"), "a");
  await toldOf(told);
  const manifest = path.join(folder, "legal", "adapter.json");
  for (const content of ["1", "2", "3"]) {
    fs.writeFileSync(`${manifest}.tmp`, content);
    fs.renameSync(`${manifest}.tmp`, manifest);
    await toldOf(told);
  }
  fs.writeFileSync(manifest, "in place");
  await toldOf(told);
  fs.renameSync(path.join(folder, "legal"), path.join(folder, "law"));
  await toldOf(told);
  fs.writeFileSync(path.join(folder, "law", "versions", "a.gguf"), "b");
  await toldOf(told);
  fs.rmSync(path.join(folder, "law"), { recursive: true });
  await toldOf(told);
});

it("tells once of many changes in a moment, and does not wait for ever where they never end", async () => {
  const folder = temporaryFolder();
  const { told } = watch(folder);
  for (let index = 0; index < 50; index++) fs.writeFileSync(path.join(folder, `${index}`), "");
  await vi.waitFor(() => expect(told).toHaveBeenCalled());
  expect(told).toHaveBeenCalledTimes(1);
  const restless = setInterval(() => fs.writeFileSync(path.join(folder, "log"), `${Date.now()}`), 5);
  onTestFinished(() => clearInterval(restless));
  await vi.waitFor(() => expect(told.mock.calls.length).toBeGreaterThan(1), { timeout: 5_000 });
});

it("looks by itself where the system cannot tell: a folder that is not there yet", async () => {
  const folder = path.join(temporaryFolder(), "later");
  const { told } = watch(folder);
  fs.mkdirSync(folder);
  await toldOf(told);
  fs.writeFileSync(path.join(folder, "adapter.json"), "{}");
  await toldOf(told);
});

it("says nothing after it was closed", async () => {
  const folder = temporaryFolder();
  const { told, watcher } = watch(folder);
  fs.writeFileSync(path.join(folder, "a"), "");
  watcher.close();
  fs.writeFileSync(path.join(folder, "b"), "");
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(told).not.toHaveBeenCalled();
});
