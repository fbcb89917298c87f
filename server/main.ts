import { createServer, type Server as HttpServer } from "node:http";
import path from "node:path";
import { monotonicFactory } from "ulid";
import { type Database, hasApiKeys, type OpenOptions, openDatabase } from "../db/index.ts";
import { closeAllInterrupted, toPatchbayError } from "./chat/index.ts";
import { type Config, engineSettings, isLoopback, packageRoot } from "./config.ts";
import { claimDataFolder } from "./data-lock.ts";
import { LocalEngine } from "./engines/index.ts";
import { createHttpApp, Identity, RateLimits, SocketGateway } from "./gateway/index.ts";
import { Hearing } from "./hearing.ts";
import { listen } from "./listen.ts";
import { type BaseModel, resolveModel } from "./models/index.ts";
import { type Log, Observe, openLog } from "./observe/index.ts";
import { type Health, PatchbayError } from "./protocol/index.ts";
import { pluggedInWords, Registry, rejectedInWords } from "./registry/index.ts";
import { readAdapterExamples } from "./routing/index.ts";
import { connect, type Ground, healthOf, type Running, stateOf } from "./running.ts";

export interface StartOptions extends OpenOptions {
  /** Steps of the start, and faults, for people. */
  log?: (line: string) => void;
}

type Phase =
  | { is: "starting"; step: string; progress: number | null; error?: PatchbayError }
  | { is: "ready"; running: Running }
  | { is: "closed" };

/** What a server stands on, open. */
interface Opened {
  db: Database;
  http: HttpServer;
  releaseData: () => void;
  log: Log;
  observe: Observe;
  port: number;
}

/** A whole server: the one place where its parts are made and connected. */
export class Patchbay {
  readonly url: string;
  /** Where it tells how it goes, in the form that is set. */
  readonly log: Log;
  /** Resolves once turns can be answered; rejects with the error that stands in /health. */
  readonly ready: Promise<void>;
  readonly #ground: Ground;
  readonly #identity: Identity;
  readonly #releaseData: () => void;
  readonly #closing = new AbortController();
  #engine: LocalEngine | null = null;
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
      const { tracesUrl, showsText } = config;
      const log = openLog({ format: config.log, showsText }, options.log ?? (() => undefined));
      const observe = await Observe.start({ log, tracesUrl, showsText });
      const port = await listen(http, config);
      return new Patchbay(config, { db, http, releaseData, log, observe, port });
    } catch (error) {
      releaseData();
      throw error;
    }
  }

  private constructor(config: Config, { db, http, releaseData, log: told, observe, port }: Opened) {
    this.log = told;
    this.#releaseData = releaseData;
    this.url = `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`;
    const closing = this.#closing.signal;
    const { line: log, fault: onFault } = told;
    const makeId = monotonicFactory();
    const newId = () => makeId();
    this.#identity = new Identity({ db, newId, now });
    const { host } = config;
    const services = () => (this.#phase.is === "ready" ? this.#phase.running.services : null);
    const webDir = path.join(packageRoot, "dist", "web");
    const identity = this.#identity;
    const rateLimits = new RateLimits();
    const health = () => this.health();
    // Before the sockets: socket.io puts itself in front of the listeners that it finds.
    const gateway = { identity, rateLimits, host, onFault };
    const metrics = () => observe.metrics(this.#state());
    http.on("request", createHttpApp({ ...gateway, health, metrics, api: services, webDir }));
    const sockets = new SocketGateway(http, { ...gateway, services });
    const hearing = new Hearing({ config, db, newId, now, log, onFault, closing });
    this.#ground = { config, db, sockets, hearing, observe, newId, now, log, onFault, closing };
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
    return healthOf(phase.running, this.#ground.hearing);
  }

  #state() {
    const running = this.#phase.is === "ready" ? this.#phase.running : null;
    return stateOf(running, this.#ground.sockets.connected);
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
      phase.running.stopWatching();
      await phase.running.turns.close();
    }
    const { sockets, hearing, observe, db } = this.#ground;
    await sockets.close();
    if (phase.is === "ready") await phase.running.engine.close();
    else await this.#engine?.close();
    await hearing.close();
    await observe.close();
    await db.destroy();
    this.#releaseData();
  }

  async #load(): Promise<void> {
    const { config, db, hearing, log, onFault } = this.#ground;
    try {
      const interrupted = await closeAllInterrupted(db, now());
      if (interrupted > 0) log(`${interrupted} interrupted answers were closed`);
      const base = await resolveModel(config.model, config.cacheDir, this.#step);
      this.#step("checking the adapters", null);
      const registry = await this.#openRegistry(base);
      this.#step("preparing the router", null);
      const router = await hearing.firstRouter([...registry.adapters.keys()]);
      this.#step("loading the model", 0);
      if (this.#closing.signal.aborted) return;
      const engine = this.#startEngine(base);
      await engine.ready();
      if (this.#closing.signal.aborted) return;
      const running = await connect(this.#ground, { base, experts: { registry, router }, local: engine });
      this.#phase = { is: "ready", running };
      log(`ready on ${this.url}`);
      running.switchboard.warmUp();
      // The folders may have changed since they were read.
      void running.switchboard.refresh();
      void this.#learnMeaning(running);
    } catch (cause) {
      const error = toPatchbayError(cause);
      if (error.code === "internal") onFault(cause);
      if (this.#phase.is === "starting") this.#phase = { ...this.#phase, error };
      throw error;
    }
  }

  /** Beside the first turns, which go by words or by what was learnt before: examples and corrections may be new. */
  async #learnMeaning({ switchboard }: Running): Promise<void> {
    if (await this.#ground.hearing.start()) await switchboard.relearn();
  }

  /** A folder also has to hold examples that the router can read, or none. */
  async #openRegistry(base: BaseModel): Promise<Registry> {
    const { config, log } = this.#ground;
    const { adaptersDir, promptsDir, model } = config;
    const prove = (id: string) => void readAdapterExamples(adaptersDir, id);
    const registry = await Registry.open({ adaptersDir, promptsDir, model, prove }, base.sha256);
    for (const adapter of registry.adapters.values())
      if (adapter.version === null) log(pluggedInWords(adapter));
    for (const rejected of registry.rejected) log(rejectedInWords(rejected));
    return registry;
  }

  #startEngine(base: BaseModel): LocalEngine {
    const { config, log } = this.#ground;
    this.#engine = new LocalEngine({
      ...engineSettings(config),
      modelPath: base.path,
      modelSha256: base.sha256,
      onLoading: (progress) => this.#step("loading the model", progress),
      onLog: (text) => log(text.trimEnd()),
    });
    return this.#engine;
  }

  readonly #step = (step: string, progress: number | null): void => {
    if (this.#phase.is !== "starting") return;
    if (this.#phase.step !== step) this.#ground.log(step);
    this.#phase = { is: "starting", step, progress };
  };
}

const now = (): string => new Date().toISOString();
