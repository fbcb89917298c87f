import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../server/config.ts";
import { type LearnOptions, type Lesson, learn, learnBeside } from "../../server/routing/index.ts";
import { temporaryFolder } from "../support/folder.ts";

const threadPath = path.join(packageRoot, "dist", "server", "routing", "corrections", "learn-thread.js");

function optionsFor(row: string): LearnOptions {
  const folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, "shop", "dataset"), { recursive: true });
  fs.writeFileSync(path.join(folder, "shop", "dataset", "router.jsonl"), `${row}\n`);
  return {
    adaptersDir: folder,
    backgroundDir: path.join(packageRoot, "adapters", "router"),
    cacheDir: path.join(folder, "cache"),
    adapterIds: ["shop"],
    encoder: null,
    corrections: [
      {
        id: "c",
        person: "p",
        expert: "shop",
        turn: { text: "good morning", before: null },
        updatedAt: "2026-01-01T00:00:00.000Z",
      },
    ],
    live: null,
    refused: [],
  };
}

it("learns the same from examples and corrections in a thread as in place", async () => {
  const options = optionsFor('{"text": "where is my parcel"}');
  const beside = await learnBeside(threadPath, new AbortController().signal)(options);
  const inPlace: Lesson = await learn({ ...options, cacheDir: path.join(options.cacheDir, "other") });
  expect(beside).toEqual(inPlace);
  expect(beside).toMatchObject({ is: "learnt", candidate: { texts: 1 } });
});

it("names a malformed example, as it would in place", async () => {
  const learnThere = learnBeside(threadPath, new AbortController().signal);
  await expect(learnThere(optionsFor("{"))).rejects.toMatchObject({
    code: "data-invalid",
    message: expect.stringContaining("router.jsonl line 1"),
  });
});

it("ends with the server, in the middle of learning", async () => {
  const closing = new AbortController();
  const loading = learnBeside(threadPath, closing.signal)(optionsFor('{"text": "where is my parcel"}'));
  closing.abort(new Error("closing"));
  await expect(loading).rejects.toThrow("closing");
});
