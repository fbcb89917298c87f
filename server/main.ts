import { randomInt } from "node:crypto";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { monotonicFactory } from "ulid";
import { type Database, hasApiKeys, type OpenOptions, openDatabase } from "../db/index.ts";
import {
  type ChatDeps,
  Completions,
  Conversations,
  closeAllInterrupted,
  EventLog,
  type Experts,
  modelList,
  RunningTurns,
  Switchboard,
  Turns,
  toPatchbayError,
} from "./chat/index.ts";
import { type Config, embedderProcessPath, engineSettings, isLoopback, packageRoot } from "./config.ts";
import { claimDataFolder } from "./data-lock.ts";
import { connectEngines, type Engine, LocalEngine, type RemoteEngine } from "./engines/index.ts";
import { Votes } from "./feedback/index.ts";
import {
  type ApiServices,
  createHttpApp,
  Identity,
  RateLimits,
  SocketGateway,
  type SocketServices,
} from "./gateway/index.ts";
import { type BaseModel, resolveModel, resolveSentenceEncoder } from "./models/index.ts";
import { BASE, type Health, PatchbayError } from "./protocol/index.ts";
import { FolderWatcher, pluggedInWords, Registry, rejectedInWords } from "./registry/index.ts";
import {
  EmbedderProcess,
  type Encoder,
  embedEach,
  loadHeadBeside,
  loadRouter,
  type Router,
  readAdapterExamples,
} from "./routing/index.ts";

export interface StartOptions extends OpenOptions {
  /** Steps of the start, and faults, for people. */
  log?: (line: string) => void;
}

/** A decision does not wait longer for its embedding, in ms; it goes by words then. */
const EMBED_PATIENCE_MS = 150;

interface Running {
  base: BaseModel;
  local: LocalEngine;
  engine: Engine;
  remotes: RemoteEngine[];
  switchboard: Switchboard;
  watcher: FolderWatcher;
  turns: RunningTurns;
  services: SocketServices & ApiServices;
}

/** What the router hears with. */
type Hearing =
  | { is: "off" | "fetching" | "unavailable" }
  | { is: "started"; encoder: Encoder; embedder: EmbedderProcess };

type Phase =
  | { is: "starting"; step: string; progress: number | null; error?: PatchbayError }
  | { is: "ready"; running: Running }
  | { is: "closed" };

/** A whole server: the one place where its parts are made and connected. */
export class Patchbay {
  readonly url: string;
  /** Resolves once turns can be answered; rejects with the error that stands in /health. */
  readonly ready: Promise<void>;
  readonly #config: Config;
  readonly #db: Database;
  readonly #identity: Identity;
  readonly #sockets: SocketGateway;
  readonly #releaseData: () => void;
  readonly #newId = monotonicFactory();
  readonly #log: (line: string) => void;
  readonly #closing = new AbortController();
  #engine: LocalEngine | null = null;
  #hearing: Hearing;
  #phase: Phase = { is: "starting", step: "starting", progress: null };

  /** Listens at once and loads behind it, so that the page can show how far it is. @throws `port-taken`, `data-in-use`, `keys-needed` */
  static async start(config: Config, options: StartOptions = {}): Promise<Patchbay> {
    const releaseData = claimDataFolder(config.dataDir);
    try {
      const db = await openDatabase(path.join(config.dataDir, "patchbay.sqlite"), options);
      if (!isLoopback(config.host) && !(await hasApiKeys(db)))
        throw new PatchbayError("keys-needed", `Listening on ${config.host} needs at least one API key.`, {
          hint: "Make one with: npx patchbay keys create NAME",
        });
      const http = createServer();
      const patchbay = new Patchbay(
        config,
        db,
        http,
        releaseData,
        options.log ?? (() => undefined),
        await listen(http, config),
      );
      return patchbay;
    } catch (error) {
      releaseData();
      throw error;
    }
  }

  private constructor(
    config: Config,
    db: Database,
    http: HttpServer,
    releaseData: () => void,
    log: (line: string) => void,
    port: number,
  ) {
    this.#config = config;
    this.#hearing = { is: config.embedder === "off" ? "off" : "fetching" };
    this.#db = db;
    this.#releaseData = releaseData;
    this.#log = log;
    this.url = `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`;
    const onFault = this.#onFault;
    this.#identity = new Identity({ db, newId: this.#newId, now });
    const { host } = config;
    const services = () => (this.#phase.is === "ready" ? this.#phase.running.services : null);
    const webDir = path.join(packageRoot, "dist", "web");
    const identity = this.#identity;
    const rateLimits = new RateLimits();
    const health = () => this.health();
    // Before the sockets: socket.io puts itself in front of the listeners that it finds.
    http.on("request", createHttpApp({ identity, rateLimits, health, api: services, webDir, host, onFault }));
    this.#sockets = new SocketGateway(http, { identity, rateLimits, host, services, onFault });
    this.ready = this.#load();
    // Whoever awaits `ready` sees the failure; for everybody else it stands in /health.
    this.ready.catch(() => undefined);
  }

  health(): Health {
    const phase = this.#phase;
    if (phase.is === "closed") return { status: "starting", step: "shutting down", progress: null };
    if (phase.is === "starting") {
      const { step, progress, error } = phase;
      return { status: "starting", step, progress, ...(error && { error: error.toBody() }) };
    }
    const { base, local, engine, remotes, switchboard } = phase.running;
    const { registry, router } = switchboard.experts;
    const { running, waiting, ...engineHealth } = engine.health();
    // While this machine's model is away, others may answer.
    const unavailable = remotes.some(({ isAvailable }) => isAvailable) ? null : local.unavailable;
    if (unavailable === "loading")
      return { status: "starting", step: "restarting the model", progress: null };
    if (unavailable)
      return {
        status: "starting",
        step: "the model has stopped",
        progress: null,
        error: unavailable.toBody(),
      };
    return {
      status: "ready",
      model: { name: base.name, sha256: base.sha256 },
      engine: engineHealth,
      remotes: remotes.map((remote) => ({
        name: remote.name,
        available: remote.isAvailable,
        running: remote.health().running,
      })),
      adapters: [...registry.adapters.values()].map(({ summary, version }) => ({
        id: summary.id,
        title: summary.title,
        version: summary.version,
        sha256: version?.file.sha256 ?? null,
        train: summary.train,
      })),
      rejected: registry.rejected.map(({ id, error }) => ({ id, code: error.code, message: error.message })),
      router: {
        version: router.version,
        hears: router.hears,
        embedder: this.#hearing.is === "started" ? this.#hearing.embedder.state : this.#hearing.is,
      },
      queue: { running, waiting },
    };
  }

  /** The model process's id, for those who watch it. */
  get enginePid(): number | undefined {
    return this.#engine?.pid;
  }

  /** Ends what runs (what was generated stays), then everything else. */
  async close(): Promise<void> {
    if (this.#phase.is === "closed") return;
    const phase = this.#phase;
    this.#phase = { is: "closed" };
    this.#closing.abort(new PatchbayError("starting", "The server is shutting down."));
    if (phase.is === "ready") {
      phase.running.watcher.close();
      await phase.running.turns.close();
    }
    await this.#sockets.close();
    if (phase.is === "ready") await phase.running.engine.close();
    else await this.#engine?.close();
    if (this.#hearing.is === "started") await this.#hearing.embedder.close();
    await this.#db.destroy();
    this.#releaseData();
  }

  async #load(): Promise<void> {
    try {
      const interrupted = await closeAllInterrupted(this.#db, now());
      if (interrupted > 0) this.#log(`${interrupted} interrupted answers were closed`);
      const base = await resolveModel(this.#config.model, this.#config.cacheDir, this.#step);
      this.#step("checking the adapters", null);
      const registry = await this.#openRegistry(base);
      this.#step("preparing the router", null);
      const router = await this.#makeRouter([...registry.adapters.keys()]);
      this.#step("loading the model", 0);
      if (this.#closing.signal.aborted) return;
      const engine = this.#startEngine(base);
      await engine.ready();
      if (this.#closing.signal.aborted) return;
      const running = await this.#connect(base, { registry, router }, engine);
      this.#phase = { is: "ready", running };
      this.#log(`ready on ${this.url}`);
      running.switchboard.warmUp();
      // The folders may have changed since they were read.
      void running.switchboard.refresh();
      void this.#listen(running.switchboard);
    } catch (cause) {
      const error = toPatchbayError(cause);
      if (error.code === "internal") this.#onFault(cause);
      if (this.#phase.is === "starting") this.#phase = { ...this.#phase, error };
      throw error;
    }
  }

  /** A folder also has to hold examples that the router can read, or none. */
  async #openRegistry(base: BaseModel): Promise<Registry> {
    const { adaptersDir, promptsDir, model } = this.#config;
    const prove = (id: string) => void readAdapterExamples(adaptersDir, id);
    const registry = await Registry.open({ adaptersDir, promptsDir, model, prove }, base.sha256);
    for (const adapter of registry.adapters.values())
      if (adapter.version === null) this.#log(pluggedInWords(adapter));
    for (const rejected of registry.rejected) this.#log(rejectedInWords(rejected));
    return registry;
  }

  #makeRouter(adapterIds: readonly string[]): Promise<Router> {
    const threadPath = path.join(packageRoot, "dist", "server", "routing", "head-thread.js");
    const load = loadHeadBeside(threadPath, this.#closing.signal);
    const [encoder, embedder] =
      this.#hearing.is === "started" ? [this.#hearing.encoder, this.#hearing.embedder] : [null, null];
    return loadRouter({ ...this.#config, adapterIds, encoder }, embedder, load);
  }

  /** The router goes by words until its sentence encoder is there, which may have to be fetched first. */
  async #listen(switchboard: Switchboard): Promise<void> {
    if (this.#hearing.is === "off") return;
    try {
      const modelPath = await resolveSentenceEncoder(this.#config.cacheDir, () => undefined);
      if (this.#closing.signal.aborted) return;
      const encoder: Encoder = { modelPath, processPath: embedderProcessPath };
      const work = { patienceMs: EMBED_PATIENCE_MS };
      const embedder = new EmbedderProcess({ ...encoder, work, onLog: (text) => this.#log(text.trimEnd()) });
      this.#hearing = { is: "started", encoder, embedder };
      if (await embedder.ready()) await switchboard.relearn();
    } catch (cause) {
      this.#hearing = { is: "unavailable" };
      const error = toPatchbayError(cause);
      if (error.code === "internal") this.#onFault(cause);
      else this.#log(`the router goes by words alone: ${error.message}`);
    }
  }

  #startEngine(base: BaseModel): LocalEngine {
    this.#engine = new LocalEngine({
      ...engineSettings(this.#config),
      modelPath: base.path,
      modelSha256: base.sha256,
      onLoading: (progress) => this.#step("loading the model", progress),
      onLog: (text) => this.#log(text.trimEnd()),
    });
    return this.#engine;
  }

  async #connect(base: BaseModel, experts: Experts, local: LocalEngine): Promise<Running> {
    const db = this.#db;
    const domains = [BASE, ...experts.registry.adapters.keys()];
    const context = { basePath: base.path, onLog: this.#log, domains };
    const { engine, remotes } = await connectEngines(local, this.#config.engines, context);
    const newId = () => this.#newId();
    const publish: ChatDeps["publish"] = (userId, change) => this.#sockets.publish(userId, change);
    const switchboard = new Switchboard(experts, {
      engine,
      makeRouter: (adapterIds) => this.#makeRouter(adapterIds),
      onAdapters: (adapters) => this.#sockets.announce(adapters),
      log: this.#log,
      onFault: this.#onFault,
      closing: this.#closing.signal,
    });
    const { adaptersDir, promptsDir } = this.#config;
    const watcher = new FolderWatcher([adaptersDir, promptsDir], () => void switchboard.refresh());
    const deps: ChatDeps = {
      db,
      log: new EventLog(db),
      engine,
      experts: () => switchboard.experts,
      base,
      newId,
      now,
      newSeed: () => randomInt(0, 2 ** 31),
      publish,
      onFault: this.#onFault,
    };
    const turns = new RunningTurns(deps);
    const loadedAt = now();
    const services: SocketServices & ApiServices = {
      turns: new Turns(deps, turns),
      completions: new Completions(deps, turns),
      conversations: new Conversations(deps, (conversationId) => turns.stopConversation(conversationId)),
      votes: new Votes({ db, newId, now, publish }),
      adapters: () => switchboard.adapters,
      models: () => modelList(switchboard.experts.registry, loadedAt),
      embed: (texts) => embedEach(this.#hearing.is === "started" ? this.#hearing.embedder : null, texts),
    };
    return { base, local, engine, remotes, switchboard, watcher, turns, services };
  }

  readonly #step = (step: string, progress: number | null): void => {
    if (this.#phase.is !== "starting") return;
    if (this.#phase.step !== step) this.#log(step);
    this.#phase = { is: "starting", step, progress };
  };

  readonly #onFault = (error: unknown): void => {
    this.#log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  };
}

const now = (): string => new Date().toISOString();

function listen(http: HttpServer, { host, port }: Config): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      const hint = taken
        ? `Stop the other program or choose another port: PORT=${port + 1} npx patchbay serve`
        : "Check HOST and PORT.";
      reject(
        taken
          ? new PatchbayError("port-taken", `Port ${port} on ${host} is taken.`, { hint })
          : new PatchbayError("bad-request", `Cannot listen on ${host}:${port}: ${error.message}.`, { hint }),
      );
    });
    http.listen(port, host, () => resolve((http.address() as AddressInfo).port));
  });
}
