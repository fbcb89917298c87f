import type { ErrorRequestHandler, Response } from "express";
import { toPatchbayError } from "../../chat/index.ts";
import type { ErrorCode, PatchbayError } from "../../protocol/index.ts";

/** https://platform.openai.com/docs/guides/error-codes */
export interface OpenAiError {
  message: string;
  type: string;
  /** The parameter at fault, such as `messages[0].content`. */
  param: string | null;
  code: string;
}

/** Codes that OpenAI's clients look for; every other error keeps its own. */
const CODES: Partial<Record<ErrorCode, string>> = {
  "not-signed-in": "invalid_api_key",
  "adapter-unknown": "model_not_found",
  "prompt-too-long": "context_length_exceeded",
  "rate-limited": "rate_limit_exceeded",
  "too-many-turns": "rate_limit_exceeded",
  "parameter-unsupported": "unsupported_parameter",
};

const PARAMS: Partial<Record<ErrorCode, string>> = {
  "adapter-unknown": "model",
  "prompt-too-long": "messages",
};

/** Seconds after which it may go better, where the error itself does not say. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = {
  "too-many-turns": 1,
  starting: 2,
  "engine-crashed": 2,
  interrupted: 2,
  "queue-full": 5,
  "queue-timeout": 5,
};

export function toOpenAiError(error: PatchbayError): OpenAiError {
  const { code, message, hint, status } = error;
  return {
    message: hint ? `${message} ${hint}` : message,
    type: typeOf(status),
    param: paramOf(error),
    code: CODES[code] ?? code,
  };
}

/** Answers with an error, as long as nothing else was answered. */
export function sendError(response: Response, error: PatchbayError): void {
  const { retryAfterSeconds = RETRY_AFTER[error.code] } = (error.details ?? {}) as {
    retryAfterSeconds?: number;
  };
  if (retryAfterSeconds !== undefined) response.setHeader("Retry-After", `${retryAfterSeconds}`);
  // OpenAI answers so, and clients that shorten a conversation by themselves wait for it.
  const status = error.code === "prompt-too-long" ? 400 : error.status;
  response.status(status).json({ error: toOpenAiError(error) });
}

/** For whatever is thrown below /v1, by express and its body parser too. */
export const openAiErrors =
  (read: (cause: unknown) => PatchbayError | null, onFault: (error: unknown) => void): ErrorRequestHandler =>
  (cause, _request, response, next) => {
    const error = read(cause) ?? toPatchbayError(cause);
    if (error.code === "internal") onFault(cause);
    if (response.headersSent) next(cause);
    else sendError(response, error);
  };

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

function paramOf({ code, details }: PatchbayError): string | null {
  const { param, path } = (details ?? {}) as { param?: string; path?: string };
  if (code === "schema-unsupported")
    return ["response_format.json_schema.schema", ...(path ? [path] : [])].join(".");
  return param ?? PARAMS[code] ?? null;
}
