import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectRemote } from "../../server/engines/connect-remote.ts";
import type { AdapterFile } from "../../server/engines/index.ts";
import type { EngineEntry } from "../../server/engines-file.ts";
import type { LlamaServer } from "../bench/peer/llama-server.ts";
import { shippedAdapters } from "../support/engine.ts";
import { generate, request } from "../support/generate.ts";
import { BUILD_MS, startLlamaServer } from "../support/llama-server.ts";
import { remoteEntry } from "../support/remote.ts";
import { engineContract } from "./engine-contract.ts";

const CONTEXT = 1_024;
let adapters: AdapterFile[];
let plain: LlamaServer;
let withAdapters: LlamaServer;

beforeAll(async () => {
  adapters = [...(await shippedAdapters()).values()];
  plain = await startLlamaServer({ contextSize: CONTEXT });
  // It keeps prompts beyond their slots, as it does by default.
  withAdapters = await startLlamaServer({
    contextSize: CONTEXT,
    adapters: adapters.map(({ path }) => path),
    cacheMiB: 512,
  });
}, BUILD_MS);
afterAll(() => Promise.all([plain.close(), withAdapters.close()]));

const connect = (entry: EngineEntry) => connectRemote("elsewhere", entry, { basePath: "", onLog: () => {} });
const llamaServer = (server: LlamaServer, more: object = {}) =>
  connect(remoteEntry({ type: "llama-server", baseURL: `${server.url}/v1`, ...more }));

const shared = { parallel: 2, contextSize: CONTEXT };

describe("a llama-server with adapters", () => {
  engineContract(() => ({ engine: llamaServer(withAdapters), adapters, appliesAdapters: true, ...shared }));

  const system =
    "You answer briefly and kindly, in the words of somebody who has done this work for many years, and you " +
    "never forget to say what happens next, who will do it and when. ";
  const ask = (adapter: AdapterFile | null, content: string) => ({
    ...request(content, { adapter }),
    messages: [
      { role: "system" as const, content: system.repeat(4) },
      { role: "user" as const, content },
    ],
    sampling: { ...request("").sampling, temperature: 0, repeatPenalty: 1, maxTokens: 32 },
  });
  const askers = () => [...adapters.slice(0, 2), null];
  /** One adapter after the other asks the same, with other questions between them that push prompts out of their slots. */
  async function turns(more: object): Promise<string[]> {
    const engine = llamaServer(withAdapters, more);
    const texts: string[] = [];
    for (const round of [1, 2])
      for (const adapter of askers()) {
        await generate(engine, ask(adapter, `Number ${round}: ${"how are you today? ".repeat(20)}`));
        texts.push((await generate(engine, ask(adapter, "What should I do now?"))).text);
      }
    return texts;
  }

  it("never answers from a prompt that another adapter has read", async () => {
    const asked = await turns({});
    const cold: string[] = [];
    for (const [index, adapter] of askers().entries()) {
      const file = adapter ? [adapter.path] : [];
      const alone = await startLlamaServer({ contextSize: CONTEXT, adapters: file, slots: 1 });
      cold[index] = (await generate(llamaServer(alone), ask(adapter, "What should I do now?"))).text;
      await alone.close();
    }
    expect(asked).toEqual([...cold, ...cold]);
    // The same with the server's caches, to know that this test can fail.
    expect(await turns({ params: { cache_prompt: true } })).not.toEqual([...cold, ...cold]);
  }, 240_000);

  it("answers an adapter that it was not started with by the prompt alone, and says so", async () => {
    const [known, unknown] = adapters as [AdapterFile, AdapterFile];
    const server = await startLlamaServer({ contextSize: CONTEXT, adapters: [known.path] });
    const engine = llamaServer(server);
    const through = await generate(engine, ask(known, "What should I do now?"));
    const alone = await generate(engine, ask(unknown, "What should I do now?"));
    const base = await generate(engine, ask(null, "What should I do now?"));
    await server.close();
    expect(through.started.remote).toMatchObject({ engine: "elsewhere", adapter: known.version });
    expect(alone.started.remote).toMatchObject({ adapter: null });
    expect(alone.text).toBe(base.text);
    expect(through.text).not.toBe(base.text);
  });

  it("finds its adapters again in a server that was started anew with others", async () => {
    const [own, other] = adapters as [AdapterFile, AdapterFile];
    const started = (port: number | undefined, ...files: AdapterFile[]) =>
      startLlamaServer({
        contextSize: CONTEXT,
        adapters: files.map(({ path }) => path),
        ...(port !== undefined && { port }),
      });
    const first = await started(undefined, own, other);
    const engine = llamaServer(first);
    const asked = () => generate(engine, ask(own, "What should I do now?"));
    const before = await asked();
    await first.close();
    const port = Number(new URL(first.url).port);
    const turned = await started(port, other, own);
    const after = await asked();
    await turned.close();
    const without = await started(port, other);
    const alone = await asked();
    await without.close();
    expect(after.text).toBe(before.text);
    expect(after.started.remote).toMatchObject({ adapter: own.version });
    expect(alone.started.remote).toMatchObject({ adapter: null });
    expect(alone.text).not.toBe(before.text);
  });

  it("refuses a wrong key with a code, and takes the right one", async () => {
    const server = await startLlamaServer({ contextSize: CONTEXT, apiKey: "secret" });
    const asked = (apiKey: string) => generate(llamaServer(server, { apiKey }), request("Hello"));
    await expect(asked("wrong")).rejects.toMatchObject({ code: "remote-key-refused" });
    expect((await asked("secret")).text.length).toBeGreaterThan(0);
    await server.close();
  });

  it("says what an answer took and cost", async () => {
    const engine = llamaServer(plain, { price: { prompt: 2, cached: 1, completion: 10 } });
    await generate(engine, request("Why is the sky blue?"));
    const { finished } = await generate(engine, request("Why is the sky blue?"));
    const { promptTokens, cachedTokens, cost } = finished.usage as NonNullable<typeof finished.usage>;
    expect(cachedTokens).toBeGreaterThan(10);
    expect(cost).toBeCloseTo(
      ((promptTokens - cachedTokens) * 2 + cachedTokens + finished.completionTokens * 10) / 1e6,
      12,
    );
  });
});

describe("an OpenAI-compatible server without adapters", () => {
  engineContract(() => ({
    engine: connect(remoteEntry({ type: "openai", baseURL: `${plain.url}/v1`, model: "smollm2" })),
    adapters,
    appliesAdapters: false,
    ...shared,
  }));
});

describe("a Hugging Face endpoint", () => {
  engineContract(() => ({
    engine: connect(remoteEntry({ type: "huggingface", endpointUrl: plain.url, model: "smollm2" })),
    adapters,
    appliesAdapters: false,
    ...shared,
  }));
});
