import { InferenceClient, type InferenceProviderOrPolicy } from "@huggingface/inference";
import type { AdapterFile, GenerateRequest } from "../engine.ts";
import { readChatStream } from "../remote/chat-stream.ts";
import { checkedFetch } from "../remote/checked-fetch.ts";
import type { Upstream, UpstreamEvent } from "../remote/upstream.ts";
import { wishFields } from "../remote/wish-fields.ts";

export interface HuggingFaceUpstreamOptions {
  engine: string;
  apiKey: string | undefined;
  model: string;
  /** Who runs the model behind Hugging Face's router, or the address of an endpoint of your own. */
  at: { provider: InferenceProviderOrPolicy } | { endpointUrl: string };
  /** Adapter versions by the models that have them merged or loaded. */
  served: Readonly<Record<string, string>>;
  params: Record<string, unknown>;
}

/** Hugging Face's Inference Providers and Inference Endpoints: https://huggingface.co/docs/huggingface.js/inference */
export class HuggingFaceUpstream implements Upstream {
  readonly model: string;
  readonly #options: HuggingFaceUpstreamOptions;
  readonly #client: InferenceClient;

  constructor(options: HuggingFaceUpstreamOptions) {
    this.model = options.model;
    this.#options = options;
    this.#client = new InferenceClient(options.apiKey, {
      fetch: checkedFetch(options.engine),
      // It would ask again for ever, without a pause.
      retry_on_error: false,
    });
  }

  async *complete(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<UpstreamEvent> {
    const { engine, at, served, params } = this.#options;
    const { messages, adapter, sampling, seed, trace } = request;
    const version = adapter && adapter.version in served ? adapter.version : null;
    const chunks = this.#client.chatCompletionStream(
      {
        ...at,
        model: (version && served[version]) ?? this.model,
        messages: messages.map((message) => ({ ...message })),
        max_tokens: sampling.maxTokens,
        temperature: sampling.temperature,
        top_p: sampling.topP,
        seed,
        stream_options: { include_usage: true },
        ...wishFields(request),
        ...params,
      },
      { signal, ...(trace && { fetch: checkedFetch(engine, trace) }) },
    );
    yield { type: "opened", adapter: version };
    yield* readChatStream(engine, chunks);
  }

  async plug(_: AdapterFile): Promise<void> {}

  async unplug(_: AdapterFile): Promise<void> {}
}
