/**
 * Every error a client can meet, by its stable code. HTTP answers with `status`, sockets with the same code,
 * and docs/errors.md is this table for people (a test keeps the two equal).
 */
export const errorTable = {
  "bad-request": { status: 400, meaning: "The request or event does not have the documented shape." },
  "parameter-unsupported": { status: 400, meaning: "A parameter of the API that this server cannot honour." },
  "schema-unsupported": { status: 400, meaning: "A JSON schema says more than a grammar can enforce." },
  "not-signed-in": { status: 401, meaning: "An API key or a session is needed and is missing or wrong." },
  forbidden: {
    status: 403,
    meaning: "The origin or host of the request, or the scopes of its API key, do not allow this.",
  },
  "not-found": { status: 404, meaning: "No such thing, or it belongs to somebody else." },
  conflict: {
    status: 409,
    meaning: "The thing is in a state that does not allow this (still being written, already finished).",
  },
  "too-large": { status: 413, meaning: "The text, event or body is over the limit." },
  "too-many-turns": {
    status: 429,
    meaning: "This person already has as many running answers as are allowed.",
  },
  "rate-limited": { status: 429, meaning: "This API key has made as many requests in a minute as it may." },
  "queue-full": { status: 503, meaning: "As many answers are waiting for the model as are allowed." },
  "queue-timeout": { status: 503, meaning: "The model was busy with other answers for too long." },
  "prompt-too-long": {
    status: 413,
    meaning: "The newest message alone does not fit into the model's context.",
  },
  internal: { status: 500, meaning: "A fault in the server; its log has the details." },
  starting: { status: 503, meaning: "The model is still being loaded." },
  "engine-crashed": {
    status: 503,
    meaning: "The model process ended in the middle of an answer; it is restarted.",
  },
  "engine-unavailable": { status: 503, meaning: "The model process cannot be started." },
  "embedder-unavailable": { status: 503, meaning: "The embedder is not loaded." },
  "remote-unreachable": { status: 503, meaning: "A remote engine cannot be connected to." },
  "remote-timeout": { status: 504, meaning: "A remote engine took too long to the first or the next token." },
  "remote-busy": {
    status: 503,
    meaning: "A remote engine asks for a pause: too many requests or no capacity.",
  },
  "remote-failed": {
    status: 502,
    meaning: "A remote engine failed, broke off in the middle of an answer or sent what is no answer.",
  },
  "remote-key-refused": { status: 502, meaning: "A remote engine does not accept the key it is asked with." },
  "remote-model-unknown": {
    status: 502,
    meaning: "A remote engine does not have the model it is asked for.",
  },
  "remote-refused": { status: 502, meaning: "A remote engine does not accept a request." },
  interrupted: { status: 503, meaning: "The server stopped while this answer was being written." },
  "storage-full": { status: 507, meaning: "The disk or the database is full; nothing stored was lost." },
  "adapter-unknown": { status: 404, meaning: "No adapter of that id is plugged in." },
  "adapter-invalid": { status: 422, meaning: "An adapter folder or file is malformed." },
  "adapter-hash-mismatch": {
    status: 422,
    meaning: "An adapter file is not the one its name and card promise.",
  },
  "adapter-base-mismatch": { status: 422, meaning: "The adapter was trained for another base model." },
  "model-not-found": { status: 404, meaning: "The model file or name does not exist." },
  "model-corrupt": {
    status: 422,
    meaning: "The model file is not a readable GGUF, or not the one that was asked for.",
  },
  "model-unreachable": {
    status: 503,
    meaning: "No source of the model could be reached and no copy is cached.",
  },
  "port-taken": { status: 500, meaning: "Another program listens on the port." },
  "data-in-use": { status: 500, meaning: "Another Patchbay server uses this data folder." },
  "data-invalid": {
    status: 422,
    meaning: "A data file has a line that cannot be used, or rows on both sides of the split.",
  },
  "keys-needed": { status: 500, meaning: "Listening beyond loopback needs at least one API key." },
  "server-unreachable": { status: 503, meaning: "No Patchbay server answers at that address." },
  "python-missing": {
    status: 500,
    meaning: "Python 3.11 or newer with venv is needed for training, and was not found or is older.",
  },
  "training-stopped": { status: 500, meaning: "Somebody stopped the training; it can go on with --resume." },
  "training-failed": { status: 500, meaning: "The trainer ended with an error; its message says why." },
} as const satisfies Record<string, { status: number; meaning: string }>;

export type ErrorCode = keyof typeof errorTable;

/** What crosses the wire when something fails. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  /** What to do about it. */
  hint?: string;
  details?: unknown;
}

/** An error that people or scripts are meant to see: a stable code, a sentence, and what to do about it. */
export class PatchbayError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: unknown;

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string; details?: unknown; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = "PatchbayError";
    this.code = code;
    this.hint = options.hint;
    this.details = options.details;
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  toBody(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint !== undefined && { hint: this.hint }),
      ...(this.details !== undefined && { details: this.details }),
    };
  }

  /** @param body as it came over the wire: a code that this version does not know is `internal`. */
  static fromBody(body: Omit<ErrorBody, "code"> & { code: string }): PatchbayError {
    const { message, hint, details } = body;
    const code = Object.hasOwn(errorTable, body.code) ? (body.code as ErrorCode) : "internal";
    return new PatchbayError(code, message, {
      ...(hint !== undefined && { hint }),
      details,
    });
  }
}
