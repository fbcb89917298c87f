import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** What the server does with one request. */
export type Act = (response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** A server on a free loopback port that does one act after the other, the last one again and again. */
export class FaultyServer {
  /** Bodies of the requests that came, by what path, with which key and as part of which trace. */
  readonly requests: {
    path: string;
    body: Record<string, unknown>;
    key: string | undefined;
    traceparent: unknown;
  }[] = [];
  readonly #http: Server;
  readonly #acts: Act[];

  static async start(...acts: Act[]): Promise<FaultyServer> {
    const server = new FaultyServer(acts);
    await new Promise<void>((resolve) => server.#http.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => server.close());
    return server;
  }

  private constructor(acts: Act[]) {
    this.#acts = acts;
    this.#http = createServer((request, response) => void this.#answer(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  close(): Promise<void> {
    this.#http.closeAllConnections();
    return new Promise((resolve) => this.#http.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    this.requests.push({
      path: request.url ?? "",
      body: body === "" ? {} : JSON.parse(body),
      key: request.headers.authorization,
      traceparent: request.headers.traceparent,
    });
    const act = this.#acts.length > 1 ? this.#acts.shift() : this.#acts[0];
    await act?.(response, request);
  }
}

const word = (content: string) => ({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
const end = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };
const usage = { choices: [], usage: { prompt_tokens: 20, completion_tokens: 2 } };

const sends = (response: ServerResponse, ...events: unknown[]): void => {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events)
    response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
};

/** A whole answer in these pieces. */
export const answersWith =
  (...pieces: string[]): Act =>
  (response) => {
    sends(response, ...pieces.map(word), end, usage, "[DONE]");
    response.end();
  };

export const answers = answersWith("Hello", " there");

/** The same with something to wait for between the pieces. */
export const answersSlowly =
  (...parts: (string | (() => PromiseLike<unknown>))[]): Act =>
  async (response) => {
    for (const part of parts)
      if (typeof part === "string") sends(response, word(part));
      else await part();
    sends(response, end, usage, "[DONE]");
    response.end();
  };

/** As `answers`, and then keeps the connection open. */
export const answersAndStays: Act = (response) =>
  sends(response, word("Hello"), word(" there"), end, usage, "[DONE]");

export const hangs: Act = () => {};

/** Two words, and then: */
export const speaksAnd =
  (then: Act): Act =>
  async (response, request) => {
    sends(response, word("Hello"), word(" there"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await then(response, request);
  };

export const dies: Act = (response) => void response.socket?.destroy();

/** As a proxy does whose server has died. */
export const ends: Act = (response) => void response.end();

export const says =
  (event: unknown): Act =>
  (response) => {
    sends(response, event);
    response.end();
  };

export const replies =
  (status: number, body: unknown = {}, headers: Record<string, string> = {}): Act =>
  (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
