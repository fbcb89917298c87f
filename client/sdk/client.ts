import { io, type Socket } from "socket.io-client";
import {
  type Ack,
  type AdapterSummary,
  type ClientEventInput,
  type ClientEventName,
  type ClientToServerEvents,
  type ConversationChange,
  type ErrorBody,
  type LoggedEvent,
  PatchbayError,
  type Replies,
  type ServerToClientEvents,
} from "../../server/protocol/index.ts";
import { openSession } from "./session.ts";

export interface ClientOptions {
  /** API key. With one, a page of any origin may connect; the server's own page has its cookie instead. */
  key?: string | undefined;
  /** `Cookie` header of a session ({@link openSession}), for clients that are not browsers. */
  cookie?: string | undefined;
  /** How long an acknowledgement may take, in ms. */
  ackTimeoutMs?: number | undefined;
}

export type ConnectionStatus = "connecting" | "online" | "offline";

/** A typed connection to a Patchbay server: calls are acknowledged, connections are renewed by themselves. */
export class PatchbayClient {
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  readonly #ackTimeoutMs: number;
  #status: ConnectionStatus = "connecting";
  #refusal: PatchbayError | null = null;
  readonly #statusListeners = new Set<(status: ConnectionStatus) => void>();

  /** @param url origin of the server, such as `http://127.0.0.1:3000`; in a browser "" means the page's own. */
  constructor(url: string, options: ClientOptions = {}) {
    this.#ackTimeoutMs = options.ackTimeoutMs ?? 10_000;
    this.#socket = io(url, {
      transports: ["websocket"],
      // Not a header: browsers let nobody set one on a WebSocket.
      auth: options.key ? { key: options.key } : {},
      extraHeaders: options.cookie ? { cookie: options.cookie } : {},
      reconnectionDelayMax: 3_000,
    });
    this.#socket.on("connect", () => this.#setStatus("online", null));
    this.#socket.on("disconnect", (reason) => {
      this.#setStatus("offline", null);
      // socket.io takes this as final. The server does it when a session ends; the next attempt learns why.
      if (reason === "io server disconnect") this.#socket.connect();
    });
    this.#socket.on("connect_error", (error) => this.#setStatus("offline", refusalOf(error)));
  }

  /**
   * Opens a session where neither key nor cookie is given (without one, a client that reconnects would be somebody
   * else), connects and waits until it is.
   * @throws {PatchbayError} `server-unreachable`, `not-signed-in` …
   */
  static async connect(url: string, options: ClientOptions = {}): Promise<PatchbayClient> {
    const cookie = options.key ? options.cookie : await openSession(url, { cookie: options.cookie });
    const client = new PatchbayClient(url, { ...options, cookie });
    try {
      await client.ready();
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /** Why the server refused the connection (a missing key, say), or null. */
  get refusal(): PatchbayError | null {
    return this.#refusal;
  }

  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  onLogged(listener: (logged: LoggedEvent) => void): () => void {
    this.#socket.on("generation", listener);
    return () => this.#socket.off("generation", listener);
  }

  onChange(listener: (change: ConversationChange) => void): () => void {
    this.#socket.on("conversation", listener);
    return () => this.#socket.off("conversation", listener);
  }

  /** Told whenever the set of adapters changes while connected; what changed before is in the reply to `adapters`. */
  onAdapters(listener: (adapters: AdapterSummary[]) => void): () => void {
    const tell: ServerToClientEvents["adapters"] = ({ adapters }) => listener(adapters);
    this.#socket.on("adapters", tell);
    return () => this.#socket.off("adapters", tell);
  }

  /** Resolves once connected. @throws {PatchbayError} `server-unreachable`, or the server's own refusal. */
  async ready(timeoutMs = 10_000): Promise<void> {
    if (this.#status === "online") return;
    await new Promise<void>((resolve, reject) => {
      const settle = (status: ConnectionStatus) => {
        if (status === "connecting") return;
        if (status === "offline" && !this.#refusal) return;
        finish(this.#refusal);
      };
      const unreachable = new PatchbayError(
        "server-unreachable",
        "No Patchbay server answers at this address.",
        {
          hint: "Start one with: npx patchbay serve",
        },
      );
      const timer = setTimeout(() => finish(unreachable), timeoutMs);
      const off = this.onStatus(settle);
      const finish = (error: PatchbayError | null) => {
        clearTimeout(timer);
        off();
        error ? reject(error) : resolve();
      };
      settle(this.#status);
    });
  }

  /** Sends an event and resolves with its acknowledgement. @throws {PatchbayError} with the server's code. */
  async call<Name extends ClientEventName>(
    name: Name,
    payload: ClientEventInput<Name>,
  ): Promise<Replies[Name]> {
    const reply = await this.#emit(name, payload).catch((cause) => {
      throw new PatchbayError("server-unreachable", "The server did not answer in time.", {
        hint: "Check the connection and try again; sending the same message again is harmless.",
        cause,
      });
    });
    if (!reply.ok) throw PatchbayError.fromBody(reply.error);
    return reply;
  }

  /** Tries to connect again at once, as after signing in. */
  reconnect(): void {
    this.#socket.disconnect().connect();
  }

  close(): void {
    this.#socket.disconnect();
  }

  #emit<Name extends ClientEventName>(name: Name, payload: ClientEventInput<Name>): Promise<Ack<Name>> {
    // socket.io's types cannot follow a generic event name through emitWithAck.
    const emit = this.#socket.timeout(this.#ackTimeoutMs) as unknown as {
      emitWithAck(name: Name, payload: ClientEventInput<Name>): Promise<Ack<Name>>;
    };
    return emit.emitWithAck(name, payload);
  }

  #setStatus(status: ConnectionStatus, refusal: PatchbayError | null): void {
    this.#status = status;
    this.#refusal = refusal;
    for (const listener of this.#statusListeners) listener(status);
  }
}

/** The server's middleware puts an error body into `data` when it refuses a connection. */
function refusalOf(error: Error & { data?: ErrorBody }): PatchbayError | null {
  return error.data?.code ? PatchbayError.fromBody(error.data) : null;
}
