import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../server/config.ts";
import { type LoadOptions, loadHead, loadHeadBeside } from "../../server/routing/index.ts";
import { temporaryFolder } from "../support/folder.ts";

const threadPath = path.join(packageRoot, "dist", "server", "routing", "head-thread.js");

function optionsFor(row: string): LoadOptions {
  const folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, "shop", "dataset"), { recursive: true });
  fs.writeFileSync(path.join(folder, "shop", "dataset", "router.jsonl"), `${row}\n`);
  return {
    adaptersDir: folder,
    backgroundDir: path.join(packageRoot, "adapters", "router"),
    cacheDir: path.join(folder, "cache"),
    adapterIds: ["shop"],
    encoder: null,
  };
}

it("learns the same head in a thread as in place, and finds it in the cache the next time", async () => {
  const options = optionsFor('{"text": "where is my parcel"}');
  const load = loadHeadBeside(threadPath, new AbortController().signal);
  const head = await load(options);
  expect(head).toEqual(await loadHead({ ...options, cacheDir: path.join(options.cacheDir, "other") }));
  expect(await load(options)).toEqual(head);
});

it("names a malformed example, as it would in place", async () => {
  const load = loadHeadBeside(threadPath, new AbortController().signal);
  await expect(load(optionsFor("{"))).rejects.toMatchObject({
    code: "data-invalid",
    message: expect.stringContaining("router.jsonl line 1"),
  });
});

it("ends with the server, in the middle of learning", async () => {
  const closing = new AbortController();
  const loading = loadHeadBeside(threadPath, closing.signal)(optionsFor('{"text": "where is my parcel"}'));
  closing.abort(new Error("closing"));
  await expect(loading).rejects.toThrow("closing");
});
