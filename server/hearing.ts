import path from "node:path";
import { toPatchbayError } from "./chat/index.ts";
import { type Config, embedderProcessPath, packageRoot } from "./config.ts";
import { resolveSentenceEncoder } from "./models/index.ts";
import type { RouterHealth } from "./protocol/index.ts";
import {
  EmbedderProcess,
  type Encoder,
  embedEach,
  type LoadHead,
  loadHeadBeside,
  loadRouter,
  type Router,
} from "./routing/index.ts";

/** A decision does not wait longer for its embedding, in ms; it goes by words then. */
const EMBED_PATIENCE_MS = 150;

export interface HearingDeps {
  config: Config;
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
  readonly #load: LoadHead;
  #state: State;

  constructor(deps: HearingDeps) {
    this.#deps = deps;
    this.#state = { is: deps.config.embedder === "off" ? "off" : "fetching" };
    const threadPath = path.join(packageRoot, "dist", "server", "routing", "head-thread.js");
    this.#load = loadHeadBeside(threadPath, deps.closing);
  }

  get state(): RouterHealth["embedder"] {
    return this.#state.is === "started" ? this.#state.embedder.state : this.#state.is;
  }

  /** A router that has learnt these adapters' examples with what there is to hear with now. */
  router(adapterIds: readonly string[]): Promise<Router> {
    const [encoder, embedder] =
      this.#state.is === "started" ? [this.#state.encoder, this.#state.embedder] : [null, null];
    return loadRouter({ ...this.#deps.config, adapterIds, encoder }, embedder, this.#load);
  }

  /** One vector of unit length for each text. @throws {PatchbayError} `embedder-unavailable` */
  embed(texts: readonly string[]): Promise<Float32Array[]> {
    return embedEach(this.#state.is === "started" ? this.#state.embedder : null, texts);
  }

  /** Starts the sentence encoder, which may have to be fetched first. @returns whether there is one to hear with now */
  async start(): Promise<boolean> {
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
