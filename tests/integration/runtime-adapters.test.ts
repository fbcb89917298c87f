import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectRemote } from "../../server/engines/connect-remote.ts";
import type { AdapterFile } from "../../server/engines/index.ts";
import { resolveModel } from "../../server/models/index.ts";
import type { LlamaServer } from "../bench/peer/llama-server.ts";
import { config, shippedAdapters } from "../support/engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { generate, request } from "../support/generate.ts";
import { BUILD_MS, startLlamaServer } from "../support/llama-server.ts";
import { BASE_MODEL, LoraServer } from "../support/lora-server.ts";
import { remoteEntry } from "../support/remote.ts";

let adapters: AdapterFile[];
let llama: LlamaServer;
let basePath: string;

beforeAll(async () => {
  adapters = [...(await shippedAdapters()).values()].slice(0, 2);
  basePath = (await resolveModel(undefined, config.cacheDir, () => undefined)).path;
  llama = await startLlamaServer({ adapters: adapters.map(({ path: file }) => file) });
}, BUILD_MS);
afterAll(() => llama.close());

const ask = (adapter: AdapterFile | null) =>
  request("What should I do now?", {
    adapter,
    sampling: { ...request("").sampling, temperature: 0, maxTokens: 24 },
  });

describe.each(["vllm", "sglang"] as const)("adapters of a server like %s", (kind) => {
  async function connect(more: object) {
    const server = await LoraServer.start(kind, llama.url);
    const log: string[] = [];
    const entry = remoteEntry({ type: kind, baseURL: `${server.url}/v1`, model: BASE_MODEL, ...more });
    const onLog = (line: string) => void log.push(line);
    return { server, log, engine: connectRemote("box", entry, { basePath, onLog }) };
  }

  it("are copied, loaded once under a name with their hash, answer, and are unloaded", async () => {
    const folder = temporaryFolder();
    const { server, engine } = await connect({ loadAdapters: { folder } });
    const [first, second] = adapters as [AdapterFile, AdapterFile];
    await engine.plug(first);
    expect([...server.loaded.keys()]).toEqual([`${first.version}-${first.sha256.slice(0, 12)}`]);
    const [one, other, base] = await Promise.all(
      [first, second, null].map((adapter) => generate(engine, ask(adapter))),
    );
    expect(one?.started.remote?.adapter).toBe(first.version);
    expect(other?.started.remote?.adapter).toBe(second.version);
    expect(base?.started.remote?.adapter).toBeNull();
    expect(new Set([one?.text, other?.text, base?.text]).size).toBe(3);
    expect(fs.readdirSync(folder).length).toBe(2);
    engine.unplug(first);
    await expect.poll(() => server.loaded.size).toBe(1);
  });

  it("are loaded again when the server was started anew, and not twice when this one was", async () => {
    const folder = temporaryFolder();
    const { server, engine } = await connect({ loadAdapters: { folder } });
    const [first] = adapters as [AdapterFile];
    await engine.plug(first);
    server.loaded.clear();
    const { text, started } = await generate(engine, ask(first));
    expect(text.length).toBeGreaterThan(0);
    expect(started.remote?.adapter).toBe(first.version);
    expect(server.asked.length).toBe(2);
    const entry = remoteEntry({
      type: kind,
      baseURL: `${server.url}/v1`,
      model: BASE_MODEL,
      loadAdapters: { folder },
    });
    const log: string[] = [];
    const anew = connectRemote("box", entry, { basePath, onLog: (line) => log.push(line) });
    expect((await generate(anew, ask(first))).started.remote?.adapter).toBe(first.version);
    expect(log).toEqual([]);
  });

  it("that cannot be loaded leave the prompt alone, and the log says why", async () => {
    const elsewhere = path.join(temporaryFolder(), "not-shared");
    const { engine, log } = await connect({ loadAdapters: { folder: temporaryFolder(), seenAs: elsewhere } });
    const { started, text } = await generate(engine, ask(adapters[0] as AdapterFile));
    expect(started.remote?.adapter).toBeNull();
    expect(text).toBe((await generate(engine, ask(null))).text);
    expect(log.join("\n")).toContain(`box: ${adapters[0]?.version} could not be loaded`);
  });

  it("are taken as they are where the file says what the server calls them", async () => {
    const [first, second] = adapters as [AdapterFile, AdapterFile];
    const { server, engine } = await connect({ adapters: { [first.version]: "mine" } });
    server.loaded.set("mine", path.basename(first.path, ".gguf"));
    expect((await generate(engine, ask(first))).started.remote?.adapter).toBe(first.version);
    expect((await generate(engine, ask(second))).started.remote?.adapter).toBeNull();
    expect(server.asked).toEqual([kind === "vllm" ? "mine" : `${BASE_MODEL}:mine`, BASE_MODEL]);
  });
});
