import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { beforeAll, onTestFinished } from "vitest";
import { PatchbayClient } from "../../client/sdk/index.ts";
import { type Config, readConfig } from "../../server/config.ts";
import { Patchbay, type StartOptions } from "../../server/main.ts";
import { temporaryFolder } from "./folder.ts";

/** Settings of a test server: a free port, a folder of its own, the user's model cache. */
export function testConfig(overrides: Partial<Config> = {}): Config {
  return {
    ...readConfig({ ...process.env, PORT: "0", PATCHBAY_GPU: "off" }),
    // Each server makes every adapter's context at its start: smaller ones make many starts shorter.
    sequences: 2,
    // It would embed every example beside the answers that tests wait for.
    embedder: "off",
    ...overrides,
    dataDir: overrides.dataDir ?? temporaryFolder(),
  };
}

/** A real server with the real model, ready to answer; closed when the test ends. */
export async function startServer(
  overrides: Partial<Config> = {},
  options: StartOptions = {},
): Promise<Patchbay> {
  const patchbay = await Patchbay.start(testConfig(overrides), options);
  onTestFinished(() => patchbay.close());
  await patchbay.ready;
  return patchbay;
}

/** One server for all tests of a file. */
export function serverForAll(overrides: Partial<Config> = {}): () => Patchbay {
  let patchbay: Patchbay;
  beforeAll(async () => {
    const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "patchbay-test-"));
    patchbay = await Patchbay.start(testConfig({ ...overrides, dataDir }));
    await patchbay.ready;
    return async () => {
      await patchbay.close();
      fs.rmSync(dataDir, { recursive: true, force: true });
    };
  });
  return () => patchbay;
}

/** Somebody's cookie, as a first visit gets it. */
export async function visit(url: string): Promise<string> {
  const response = await fetch(`${url}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  return response.headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

/** A connected client with a session of its own. */
export async function newPerson(url: string): Promise<PatchbayClient> {
  return connectAs(url, await visit(url));
}

export async function connectAs(url: string, cookie: string): Promise<PatchbayClient> {
  const client = new PatchbayClient(url, { cookie });
  onTestFinished(() => client.close());
  await client.ready();
  return client;
}
