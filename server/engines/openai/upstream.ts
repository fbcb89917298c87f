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
    try {
      const { version, chunks } = await this.#open(request, signal);
      yield { type: "opened", adapter: version };
      yield* readChatStream(this.#options.engine, chunks);
    } catch (error) {
      throw this.#reasonFor(error, request.adapter);
    }
  }

  /** An answer that has begun, through the adapter that was wished where the server has it. */
  async #open(
    request: GenerateRequest,
    signal: AbortSignal,
  ): Promise<{ version: string | null; chunks: AsyncIterable<unknown> }> {
    const { client, dialect, params } = this.#options;
    const wishes = { ...wishFields(request), ...dialect.fields(request) };
    const { version, model, fields, holds } = await dialect.wire(request.adapter, signal);
    const body = {
      model,
      messages: request.messages,
      stream_options: { include_usage: true },
      ...wishes,
      ...fields,
      ...params,
      stream: true as const,
    };
    const own = new AbortController();
    const [answer, held] = await Promise.allSettled([
      client.chat.completions.create(
        withoutNulls(body) as unknown as OpenAI.ChatCompletionCreateParamsStreaming,
        { signal: AbortSignal.any([signal, own.signal]), ...(request.trace && { headers: request.trace }) },
      ),
      holds,
    ]);
    if (held.status === "fulfilled" && held.value === false) {
      own.abort();
      return this.#open(request, signal);
    }
    if (answer.status === "rejected") throw answer.reason;
    if (held.status === "rejected") {
      own.abort();
      throw held.reason;
    }
    return { version, chunks: answer.value };
  }

  async plug(adapter: AdapterFile): Promise<void> {
    try {
      await (await this.#options.dialect.wire(adapter)).holds;
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
