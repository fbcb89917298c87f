import path from "node:path";
import type { InferenceProviderOrPolicy } from "@huggingface/inference";
import OpenAI from "openai";
import { z } from "zod";
import type { EngineEntry } from "../engines-file.ts";
import { HuggingFaceUpstream } from "./huggingface/upstream.ts";
import type { Dialect } from "./openai/dialect.ts";
import { hostedDialect } from "./openai/hosted.ts";
import { llamaServerDialect } from "./openai/llama-server.ts";
import { multiLoraDialect } from "./openai/multi-lora.ts";
import { writePeftCopy } from "./openai/peft-copy.ts";
import { RuntimeAdapters } from "./openai/runtime-adapters.ts";
import { OpenAIUpstream } from "./openai/upstream.ts";
import { checkedFetch } from "./remote/checked-fetch.ts";
import { RemoteEngine } from "./remote/remote-engine.ts";
import type { Upstream } from "./remote/upstream.ts";

export interface RemoteContext {
  /** The base model's file, whose layout PEFT copies of adapters need. */
  basePath: string;
  /** Lines may quote what people and models say. */
  showsText?: boolean;
  onLog: (line: string) => void;
}

type OpenAIEntry = Exclude<EngineEntry, { type: "huggingface" }>;
type Loading = NonNullable<Extract<EngineEntry, { type: "vllm" }>["loadAdapters"]>;

/** An engine elsewhere as the engines file describes it; nothing is asked of it yet. */
export function connectRemote(name: string, entry: EngineEntry, context: RemoteContext): RemoteEngine {
  const upstream = entry.type === "huggingface" ? huggingFace(name, entry) : openAI(name, entry, context);
  return new RemoteEngine(upstream, {
    name,
    firstTokenMs: entry.firstTokenSeconds * 1000,
    betweenTokensMs: entry.betweenTokensSeconds * 1000,
    retries: entry.retries,
    price: entry.price ?? null,
    showsText: context.showsText ?? false,
    onLog: context.onLog,
  });
}

function huggingFace(engine: string, entry: Extract<EngineEntry, { type: "huggingface" }>): Upstream {
  const { apiKey, model, endpointUrl, provider, adapters, params } = entry;
  const at = endpointUrl ? { endpointUrl } : { provider: provider as InferenceProviderOrPolicy };
  return new HuggingFaceUpstream({ engine, apiKey, model, at, served: adapters, params });
}

function openAI(engine: string, entry: OpenAIEntry, context: RemoteContext): Upstream {
  const { baseURL, model, params } = entry;
  const client = new OpenAI({
    baseURL,
    // Servers of one's own often want none; the client insists.
    apiKey: entry.apiKey ?? "none",
    // Those of the environment are for OpenAI, which this may not be.
    adminAPIKey: null,
    organization: null,
    project: null,
    fetch: checkedFetch(engine),
    // Both are ours: before the first token and between tokens.
    maxRetries: 0,
    timeout: 300_000,
    logLevel: "off",
  });
  return new OpenAIUpstream({
    engine,
    client,
    model,
    params,
    dialect: dialectOf(engine, client, entry, context),
  });
}

function dialectOf(
  engine: string,
  client: OpenAI,
  entry: OpenAIEntry,
  { basePath, onLog }: RemoteContext,
): Dialect {
  const { baseURL, model } = entry;
  // vLLM has everything below /v1; what is not OpenAI's lies beside it elsewhere.
  const root = baseURL.replace(/\/v1\/?$/, "");
  switch (entry.type) {
    case "openai":
      return hostedDialect({ baseURL, model, served: entry.adapters });
    case "llama-server":
      return llamaServerDialect(model, (signal) => client.get(`${root}/lora-adapters`, { signal }));
    case "vllm":
    case "sglang": {
      const at = entry.type === "vllm" ? `${root}/v1` : root;
      const runtime = entry.loadAdapters
        ? runtimeAdapters(client, at, entry.loadAdapters, {
            basePath,
            baseModel: model,
            onLog: (line) => onLog(`${engine}: ${line}`),
          })
        : null;
      return multiLoraDialect({ kind: entry.type, model, served: entry.adapters, runtime });
    }
    default:
      return entry satisfies never;
  }
}

const Models = z.object({ data: z.array(z.object({ id: z.string() })) });

function runtimeAdapters(
  client: OpenAI,
  at: string,
  { folder, seenAs = folder }: Loading,
  { basePath, baseModel, onLog }: { basePath: string; baseModel: string; onLog: (line: string) => void },
): RuntimeAdapters {
  return new RuntimeAdapters({
    endpoints: {
      has: async (name) => Models.parse(await client.get("/models")).data.some(({ id }) => id === name),
      load: (name, path) =>
        client.post(`${at}/load_lora_adapter`, { body: { lora_name: name, lora_path: path } }),
      unload: (name) => client.post(`${at}/unload_lora_adapter`, { body: { lora_name: name } }),
    },
    copy: async (adapter) =>
      path.posix.join(seenAs, await writePeftCopy(adapter, { folder, basePath, baseModel })),
    onLog,
    now: () => performance.now(),
  });
}
