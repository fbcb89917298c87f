import { openSession, PatchbayClient } from "../sdk/index.ts";
import type { BridgeStore } from "./store.ts";

export interface PatchbayAddress {
  url: string;
  /** Signs every person's session in; needed once the server has keys. */
  key: string | undefined;
}

interface Connected {
  client: Promise<PatchbayClient>;
  users: number;
  leftAt: number;
}

/** Connections nobody used for this long are closed. */
const IDLE_MS = 10 * 60_000;

/**
 * Everybody in the chat service as a person of their own on the server: a session for each, opened with the bridge's
 * key (revoking it ends them all), so that the server's own checks keep people's conversations and votes apart.
 */
export class People {
  readonly #address: PatchbayAddress;
  readonly #store: BridgeStore;
  readonly #connected = new Map<string, Connected>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(address: PatchbayAddress, store: BridgeStore) {
    this.#address = address;
    this.#store = store;
    this.#sweeper = setInterval(() => this.#sweep(), IDLE_MS / 10);
    this.#sweeper.unref();
  }

  /** Acts in somebody's name. @throws {PatchbayError} `server-unreachable`, `not-signed-in` … */
  async as<T>(author: string, act: (client: PatchbayClient) => Promise<T>): Promise<T> {
    const connected = this.#connected.get(author) ?? this.#connect(author);
    connected.users++;
    try {
      const client = await connected.client;
      if (client.refusal) {
        this.#drop(author, connected);
        return await this.as(author, act);
      }
      return await act(client);
    } finally {
      connected.users--;
      connected.leftAt = Date.now();
    }
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const [author, connected] of this.#connected) this.#drop(author, connected);
  }

  #connect(author: string): Connected {
    const connected = { client: this.#open(author), users: 0, leftAt: Date.now() };
    this.#connected.set(author, connected);
    connected.client.catch(() => this.#connected.delete(author));
    return connected;
  }

  async #open(author: string): Promise<PatchbayClient> {
    const { url, key } = this.#address;
    const cookie = await openSession(url, { key, cookie: this.#store.cookieOf(author) });
    this.#store.keepCookie(author, cookie);
    return PatchbayClient.connect(url, { cookie });
  }

  #drop(author: string, connected: Connected): void {
    if (this.#connected.get(author) === connected) this.#connected.delete(author);
    connected.client.then(
      (client) => client.close(),
      () => undefined,
    );
  }

  #sweep(): void {
    for (const [author, connected] of this.#connected)
      if (connected.users === 0 && Date.now() - connected.leftAt > IDLE_MS) this.#drop(author, connected);
  }
}
