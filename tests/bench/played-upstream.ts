import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pause } from "./side-by-side.ts";

/** Characters of each token. */
export const TOKEN_WIDTH = 6;

export interface Pace {
  tokens: number;
  /** From one token to the next, in ms. */
  everyMs: number;
}

/**
 * Plays an OpenAI-compatible server whose model has a steady pace, whatever the reader does:
 * https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class PlayedUpstream {
  /** When each token of an answer was sent, by its question; on the clock of `performance.now()`, in ms. */
  readonly sentAt = new Map<string, number[]>();
  readonly #http: Server;
  readonly #pace: Pace;

  static async start(pace: Pace): Promise<PlayedUpstream> {
    const upstream = new PlayedUpstream(pace);
    await new Promise<void>((resolve) => upstream.#http.listen(0, "127.0.0.1", resolve));
    return upstream;
  }

  private constructor(pace: Pace) {
    this.#pace = pace;
    this.#http = createServer((request, response) => void this.#answer(request, response));
  }

  get baseURL(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    const question: string = JSON.parse(body).messages.at(-1).content;
    const sent: number[] = [];
    this.sentAt.set(question, sent);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (data: object) => response.write(`data: ${JSON.stringify(data)}\n\n`);
    const startedAt = performance.now();
    for (let token = 0; token < this.#pace.tokens; token++) {
      // By the clock of the answer's beginning, so that a late one does not delay those after it.
      await pause(startedAt + token * this.#pace.everyMs - performance.now());
      sent.push(performance.now());
      const content = `${token}`.padStart(TOKEN_WIDTH);
      send({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
    }
    send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    response.end("data: [DONE]\n\n");
  }
}
