import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { Switchboard } from "../../server/chat/index.ts";
import type { AdapterFile } from "../../server/engines/index.ts";
import { PatchbayError } from "../../server/protocol/index.ts";
import { Registry } from "../../server/registry/index.ts";
import { createRouter, type Router, trainHead } from "../../server/routing/index.ts";
import {
  adaptersFolder,
  addVersion,
  dropIn,
  editManifest,
  newAdapter,
  promptsDir,
  shippedBaseSha256,
  shippedVersion,
} from "../support/adapters.ts";

/** A switchboard over a folder, with an engine and a router that only say what they were told. */
async function switchboardOver(adaptersDir: string, learn?: (ids: readonly string[]) => Promise<Router>) {
  const heard: string[] = [];
  const log: string[] = [];
  const faults: unknown[] = [];
  const router = routerOf(["support", "health"]);
  const switchboard = new Switchboard(
    { registry: await Registry.open({ adaptersDir, promptsDir }, shippedBaseSha256()), router },
    {
      engine: {
        plug: async (file: AdapterFile | null) => void heard.push(`plug ${file?.version ?? "base"}`),
        unplug: (file: AdapterFile) => void heard.push(`unplug ${file.version}`),
      },
      makeRouter: learn ?? (async () => router),
      onAdapters: (adapters) => heard.push(`tell ${adapters.map(({ id }) => id)}`),
      log: (line) => log.push(line),
      onFault: (error) => faults.push(error),
      closing: new AbortController().signal,
    },
  );
  return { switchboard, heard, log, faults };
}

const routerOf = (labels: string[]): Router =>
  createRouter(trainHead(labels.map((label) => ({ text: label, label }))));

it("makes the base model ready first, then every adapter", async () => {
  const { switchboard, heard } = await switchboardOver(adaptersFolder(["health", "support"]));
  switchboard.warmUp();
  expect(heard).toEqual([
    "plug base",
    `plug ${shippedVersion("health")}`,
    `plug ${shippedVersion("support")}`,
  ]);
});

it("gives back what is gone, makes ready what is new, and tells people", async () => {
  const folder = adaptersFolder(["health", "support"]);
  const { switchboard, heard } = await switchboardOver(folder);
  dropIn(newAdapter("legal"), folder);
  addVersion(path.join(folder, "support"));
  addVersion(path.join(folder, "support"));
  fs.rmSync(path.join(folder, "health"), { recursive: true });
  await switchboard.refresh();
  expect(heard).toEqual([
    `unplug ${shippedVersion("health")}`,
    `unplug ${shippedVersion("support")}`,
    "plug legal@1",
    `plug ${shippedVersion("support", 2)}`,
    "tell legal,support",
  ]);
});

it("keeps in the engine what another adapter still uses, and what only got another title", async () => {
  const folder = adaptersFolder(["health", "support"]);
  const { switchboard, heard } = await switchboardOver(folder);
  fs.cpSync(path.join(folder, "support"), path.join(folder, "legal"), { recursive: true });
  editManifest(path.join(folder, "legal"), { id: "legal" });
  editManifest(path.join(folder, "health"), { title: "Wellbeing" });
  await switchboard.refresh();
  expect(heard.splice(0)).toEqual(["plug legal@1", "tell health,legal,support"]);
  fs.rmSync(path.join(folder, "legal"), { recursive: true });
  await switchboard.refresh();
  expect(heard).toEqual(["tell health,support"]);
});

it("chooses no more what is gone, at once, and what is new as soon as it has been learnt", async () => {
  const folder = adaptersFolder(["health", "support"]);
  let learnt: (router: Router) => void = () => undefined;
  const learn = () => new Promise<Router>((resolve) => (learnt = resolve));
  const { switchboard, log } = await switchboardOver(folder, learn);
  fs.rmSync(path.join(folder, "health"), { recursive: true });
  dropIn(newAdapter("legal"), folder);
  await switchboard.refresh();
  expect(switchboard.experts.router.labels).toEqual(["support", "base"]);
  // Removed again while the router is still learning it.
  fs.rmSync(path.join(folder, "legal"), { recursive: true });
  await switchboard.refresh();
  learnt(routerOf(["support", "legal"]));
  await expect.poll(() => log.at(-1)).toMatch(/learnt anew/);
  expect(switchboard.experts.router.labels).toEqual(["support", "base"]);
});

it("stays as it is where the router cannot learn", async () => {
  const folder = adaptersFolder(["health", "support"]);
  const { switchboard, log, faults } = await switchboardOver(folder, async () => {
    throw new PatchbayError("data-invalid", "A row is malformed.");
  });
  dropIn(newAdapter("legal"), folder);
  await switchboard.refresh();
  await expect
    .poll(() => log)
    .toEqual(["legal@1 is plugged in", "the router stays as it is: A row is malformed."]);
  expect(switchboard.experts.router.labels).toEqual(["health", "support", "base"]);
  expect(faults).toEqual([]);
});
