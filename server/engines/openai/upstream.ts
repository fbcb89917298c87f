import type OpenAI from "openai";
import { APIConnectionError, APIError } from "openai";
import { PatchbayError } from "../../protocol/index.ts";
import type { AdapterFile, GenerateRequest } from "../engine.ts";
import { readChatStream } from "../remote/chat-stream.ts";
import { RemoteFailure, type Upstream, type UpstreamEvent } from "../remote/upstream.ts";
import { wishFields } from "../remote/wish-fields.ts";
import type { Dialect, Fields } from "./dialect.ts";

export interface OpenAIUpstreamOptions {
  engine: string;
  client: OpenAI;
  model: string;
  dialect: Dialect;
  /** Fields that are added to each request; null leaves one out. */
  params: Fields;
}

/** Any OpenAI-compatible server, asked by the official client. */
export class OpenAIUpstream implements Upstream {
  readonly model: string;
  readonly #options: OpenAIUpstreamOptions;

  constructor(options: OpenAIUpstreamOptions) {
    this.model = options.model;
    this.#options = options;
  }

  async *complete(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<UpstreamEvent> {
    const { engine, client, dialect, params } = this.#options;
    const { adapter, messages, trace } = request;
    try {
      const { version, model, fields } = await dialect.wire(adapter, signal);
      const body = {
        model,
        messages,
        stream_options: { include_usage: true },
        ...wishFields(request),
        ...dialect.fields(request),
        ...fields,
        ...params,
        stream: true as const,
      };
      const chunks = await client.chat.completions.create(
        withoutNulls(body) as unknown as OpenAI.ChatCompletionCreateParamsStreaming,
        { signal, ...(trace && { headers: trace }) },
      );
      yield { type: "opened", adapter: version };
      yield* readChatStream(engine, chunks);
    } catch (error) {
      throw this.#reasonFor(error, adapter);
    }
  }

  async plug(adapter: AdapterFile): Promise<void> {
    try {
      await this.#options.dialect.wire(adapter);
    } catch (error) {
      throw unwrap(error);
    }
  }

  async unplug(adapter: AdapterFile): Promise<void> {
    await this.#options.dialect.runtime?.unload(adapter);
  }

  #reasonFor(error: unknown, adapter: AdapterFile | null): unknown {
    const { engine, dialect } = this.#options;
    const cause = unwrap(error);
    if (cause instanceof RemoteFailure && cause.code === "remote-model-unknown")
      return adapter && dialect.runtime?.forget(adapter)
        ? new RemoteFailure("remote-failed", `The engine ${engine} no longer has ${adapter.version}.`, {
            cause,
          })
        : cause;
    // The client's own: what a server says in the middle of a stream.
    if (cause instanceof APIError)
      return new RemoteFailure("remote-failed", `The engine ${engine} broke off this answer with an error.`, {
        cause,
      });
    return cause;
  }
}

/** What the client's `fetch` threw comes wrapped. */
const unwrap = (error: unknown): unknown =>
  error instanceof APIConnectionError && error.cause instanceof PatchbayError ? error.cause : error;

const withoutNulls = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
