import path from "node:path";
import type { Database } from "../db/index.ts";
import { toPatchbayError } from "./chat/index.ts";
import { type Config, embedderProcessPath, packageRoot } from "./config.ts";
import { HeadStore, Heads, type Live } from "./heads/index.ts";
import { resolveSentenceEncoder } from "./models/index.ts";
import type { RouterHealth } from "./protocol/index.ts";
import {
  createRouter,
  EmbedderProcess,
  type Encoder,
  embedEach,
  learnBeside,
  type Router,
} from "./routing/index.ts";

/** A decision does not wait longer for its embedding, in ms; it goes by words then. */
const EMBED_PATIENCE_MS = 150;

export interface HearingDeps {
  config: Config;
  db: Database;
  newId: () => string;
  /** An ISO time. */
  now: () => string;
  /** Lines for people. */
  log: (line: string) => void;
  onFault: (error: unknown) => void;
  closing: AbortSignal;
}

type State =
  | { is: "off" | "fetching" | "unavailable" }
  | { is: "started"; encoder: Encoder; embedder: EmbedderProcess };

/** What the router hears with: words from the first turn on, and what they mean once the sentence encoder is there. */
export class Hearing {
  readonly #deps: HearingDeps;
  readonly #store: HeadStore;
  readonly #heads: Heads;
  #state: State;
  #live: Live | null = null;
  /** The head was taken as it was left: there may be new examples and corrections since. */
  #unexamined = false;

  constructor(deps: HearingDeps) {
    this.#deps = deps;
    this.#state = { is: deps.config.embedder === "off" ? "off" : "fetching" };
    this.#store = new HeadStore(deps.config.dataDir);
    const threadPath = path.join(packageRoot, "dist", "server", "routing", "corrections", "learn-thread.js");
    const { config, closing, ...others } = deps;
    this.#heads = new Heads({
      ...others,
      store: this.#store,
      learn: learnBeside(threadPath, closing),
    });
  }

  /** Where the heads' files are; whoever makes another one live changes something in it. */
  get headsDir(): string {
    return this.#store.dir;
  }

  /** The head that decides: `router@3`. */
  get headName(): string {
    return this.#live?.name ?? "";
  }

  get state(): RouterHealth["embedder"] {
    return this.#state.is === "started" ? this.#state.embedder.state : this.#state.is;
  }

  /** The router to start with: as it was left, or where there is none one that has learnt these adapters' examples. */
  async firstRouter(adapterIds: readonly string[]): Promise<Router> {
    this.#live = await this.#heads.kept();
    if (!this.#live) return this.router(adapterIds);
    this.#unexamined = true;
    return createRouter(this.#live.head, this.#embedder).among(adapterIds);
  }

  /** A router that has learnt these adapters' examples, and what people corrected, with what there is to hear with now. */
  async router(adapterIds: readonly string[]): Promise<Router> {
    const encoder = this.#state.is === "started" ? this.#state.encoder : null;
    const { adaptersDir, backgroundDir, cacheDir } = this.#deps.config;
    this.#live = await this.#heads.learn({ adaptersDir, backgroundDir, cacheDir, adapterIds, encoder });
    return createRouter(this.#live.head, this.#embedder);
  }

  /** Whether somebody has made another head live than the one that decides. */
  async wasRolledBack(): Promise<boolean> {
    return (await this.#heads.liveName()) !== this.headName;
  }

  get #embedder(): EmbedderProcess | null {
    return this.#state.is === "started" ? this.#state.embedder : null;
  }

  /** One vector of unit length for each text. @throws {PatchbayError} `embedder-unavailable` */
  embed(texts: readonly string[]): Promise<Float32Array[]> {
    return embedEach(this.#embedder, texts);
  }

  /** Starts the sentence encoder, which may have to be fetched first. @returns whether there may be more to learn now */
  async start(): Promise<boolean> {
    return (await this.#startEmbedder()) || this.#unexamined;
  }

  /** @returns whether there is one to hear with now */
  async #startEmbedder(): Promise<boolean> {
    const { config, log, onFault, closing } = this.#deps;
    if (this.#state.is === "off") return false;
    try {
      const modelPath = await resolveSentenceEncoder(config.cacheDir, () => undefined);
      if (closing.aborted) return false;
      const encoder: Encoder = { modelPath, processPath: embedderProcessPath };
      const work = { patienceMs: EMBED_PATIENCE_MS };
      const embedder = new EmbedderProcess({ ...encoder, work, onLog: (text) => log(text.trimEnd()) });
      this.#state = { is: "started", encoder, embedder };
      return await embedder.ready();
    } catch (cause) {
      this.#state = { is: "unavailable" };
      const error = toPatchbayError(cause);
      if (error.code === "internal") onFault(cause);
      else log(`the router goes by words alone: ${error.message}`);
      return false;
    }
  }

  async close(): Promise<void> {
    if (this.#state.is === "started") await this.#state.embedder.close();
  }
}
