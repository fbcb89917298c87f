import { z } from "zod";
import { PatchbayError } from "../../protocol/index.ts";
import { type RemoteCode, RemoteFailure } from "./upstream.ts";

/** Of a refusal's body; the rest is not read. */
const MAX_BODY_BYTES = 4_096;

/** What OpenAI, vLLM, SGLang, llama-server and Hugging Face say in a refusal, where it is JSON at all. */
const Refusal = z.object({
  error: z
    .union([
      z.string(),
      z.object({
        message: z.string().optional(),
        type: z.string().nullish(),
        code: z.union([z.string(), z.number()]).nullish(),
        param: z.string().nullish(),
        /** llama-server's: https://github.com/ggml-org/llama.cpp/tree/master/tools/server */
        n_prompt_tokens: z.number().optional(),
        n_ctx: z.number().optional(),
      }),
    ])
    .optional(),
  message: z.string().optional(),
});

/**
 * `fetch` for a remote engine: what is not a success is thrown with a code, whatever client library asks.
 * @param headers are added to each request
 * @throws {RemoteFailure}
 * @throws {PatchbayError} `prompt-too-long`, with the sizes in `details` where the server tells them
 */
export function checkedFetch(engine: string, headers: Record<string, string> = {}): typeof fetch {
  return async (input, init) => {
    const all = { ...Object.fromEntries(new Headers(init?.headers)), ...headers };
    const response = await fetch(input, { ...init, headers: all }).catch((cause: Error) => {
      if (init?.signal?.aborted) throw cause;
      throw new RemoteFailure("remote-unreachable", `The engine ${engine} cannot be reached.`, {
        hint: `Check that it runs and that its address in the engines file is right (${reasonOf(cause)}).`,
        cause,
      });
    });
    if (response.ok) return response;
    throw refusal(engine, response, await firstBytes(response));
  };
}

function refusal(engine: string, response: Response, body: string): PatchbayError {
  const { status } = response;
  const said = read(body);
  if (isTooLong(status, said))
    return new PatchbayError("prompt-too-long", `This message is too long for the engine ${engine}.`, {
      hint: "Shorten it.",
      details: { promptTokens: said.promptTokens, contextSize: said.contextSize },
    });
  const { code, message, hint } = meaningOf(engine, status);
  // Codes by the names that OpenAI's client gives them.
  const cause = Object.assign(new Error(`${engine} answered ${status}: ${said.text}`), said.codes, {
    status,
  });
  return new RemoteFailure(code, message, { hint, cause, retryAfterMs: retryAfter(response.headers) });
}

function meaningOf(engine: string, status: number): { code: RemoteCode; message: string; hint: string } {
  const later = "Ask again in a moment.";
  if (status === 401 || status === 403)
    return {
      code: "remote-key-refused",
      message: `The engine ${engine} does not accept its key.`,
      hint: "Correct its apiKey in the engines file, or the environment variable named there, and start again.",
    };
  if (status === 404)
    return {
      code: "remote-model-unknown",
      message: `The engine ${engine} does not have the model it was asked for, or nothing at that address.`,
      hint: "Check its model and address in the engines file.",
    };
  if (status === 429 || status === 503)
    return { code: "remote-busy", message: `The engine ${engine} has no capacity left.`, hint: later };
  if (status >= 500 || status === 408)
    return { code: "remote-failed", message: `The engine ${engine} failed (status ${status}).`, hint: later };
  return {
    code: "remote-refused",
    message: `The engine ${engine} does not accept this request (status ${status}).`,
    hint: "The server's log has its codes, and with PATCHBAY_LOG_TEXT=on its words; `params` in the engines file adds fields to a request or drops them.",
  };
}

interface Said {
  text: string;
  codes: { code?: unknown; type?: unknown; param?: unknown };
  promptTokens: number | undefined;
  contextSize: number | undefined;
}

function read(body: string): Said {
  const nothing = { text: body.slice(0, 300), codes: {}, promptTokens: undefined, contextSize: undefined };
  const parsed = Refusal.safeParse(asJson(body));
  if (!parsed.success) return nothing;
  const { error, message } = parsed.data;
  if (typeof error !== "object") return { ...nothing, text: (error ?? message ?? body).slice(0, 300) };
  const { code, type, param } = error;
  return {
    text: (error.message ?? body).slice(0, 300),
    codes: { code, type, param },
    promptTokens: error.n_prompt_tokens,
    contextSize: error.n_ctx,
  };
}

/** OpenAI and llama-server have a code for it; vLLM and SGLang say it in words alone. */
const isTooLong = (status: number, { codes, text }: Said): boolean =>
  (status === 400 || status === 413 || status === 422) &&
  (/context_length_exceeded|exceed_context_size_error/.test(`${codes.code} ${codes.type}`) ||
    /context (length|size|window)/i.test(text));

/** Seconds or a date: https://httpwg.org/specs/rfc9110.html#field.retry-after */
function retryAfter(headers: Headers): number | null {
  const value = headers.get("retry-after");
  if (value === null) return null;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}

async function firstBytes({ body }: Response): Promise<string> {
  if (!body) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    // Leaving the loop closes the connection.
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_BODY_BYTES) break;
    }
  } catch {
    // A refusal that breaks off is a refusal all the same.
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString("utf8");
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: Error): string {
  const cause = error.cause as { code?: string; message?: string } | undefined;
  return cause?.code ?? cause?.message ?? error.message;
}
