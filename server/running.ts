import { randomInt } from "node:crypto";
import type { Database } from "../db/index.ts";
import {
  type ChatDeps,
  Completions,
  Conversations,
  EventLog,
  type Experts,
  modelList,
  RunningTurns,
  Switchboard,
  Turns,
} from "./chat/index.ts";
import type { Config } from "./config.ts";
import { connectEngines, type Engine, LOCAL, type LocalEngine, type RemoteEngine } from "./engines/index.ts";
import { RouteCorrections, Votes } from "./feedback/index.ts";
import type { ApiServices, SocketGateway, SocketServices } from "./gateway/index.ts";
import { Soon } from "./heads/index.ts";
import type { Hearing } from "./hearing.ts";
import type { BaseModel } from "./models/index.ts";
import type { Observe, ServerState } from "./observe/index.ts";
import { BASE, type Health } from "./protocol/index.ts";
import { FolderWatcher } from "./registry/index.ts";

/** The router learns what was corrected once nobody has corrected anything for so long, in ms, or at the latest then. */
const RELEARN = { quietMs: 1_500, mostMs: 15_000 };

/** What there is from the start on. */
export interface Ground {
  config: Config;
  db: Database;
  sockets: SocketGateway;
  hearing: Hearing;
  observe: Observe;
  newId: () => string;
  /** An ISO time. */
  now: () => string;
  /** Lines for people. */
  log: (line: string) => void;
  onFault: (error: unknown) => void;
  closing: AbortSignal;
}

/** What has been loaded. */
export interface Loaded {
  base: BaseModel;
  experts: Experts;
  local: LocalEngine;
}

/** The parts of a server that answers turns, connected. */
export interface Running {
  base: BaseModel;
  local: LocalEngine;
  engine: Engine;
  remotes: RemoteEngine[];
  switchboard: Switchboard;
  stopWatching: () => void;
  turns: RunningTurns;
  services: SocketServices & ApiServices;
}

export async function connect(ground: Ground, { base, experts, local }: Loaded): Promise<Running> {
  const { config, db, sockets, hearing, observe, newId, now, log, onFault, closing } = ground;
  const domains = [BASE, ...experts.registry.adapters.keys()];
  const context = { basePath: base.path, showsText: config.showsText, onLog: log, domains };
  const { engine, remotes } = await connectEngines(local, config.engines, context);
  const switchboard = new Switchboard(experts, {
    engine,
    makeRouter: (adapterIds) => hearing.router(adapterIds),
    onAdapters: (adapters) => sockets.announce(adapters),
    log,
    onFault,
    closing,
  });
  const relearnSoon = new Soon(() => switchboard.relearn(), RELEARN);
  const publish: ChatDeps["publish"] = (userId, change) => {
    sockets.publish(userId, change);
    // A conversation takes its corrections with it.
    if (change.type === "route" || change.type === "deleted") relearnSoon.call();
  };
  const folders = [config.adaptersDir, config.promptsDir];
  const watcher = new FolderWatcher(folders, () => void switchboard.refresh());
  // Another process may have gone back to an earlier head.
  const followHead = async () => {
    if (await hearing.wasRolledBack()) await switchboard.relearn();
  };
  const headWatcher = new FolderWatcher([hearing.headsDir], () => void followHead().catch(onFault));
  const stopWatching = () => {
    watcher.close();
    headWatcher.close();
    relearnSoon.close();
  };
  const deps: ChatDeps = {
    db,
    log: new EventLog(db),
    engine,
    observer: observe,
    experts: () => switchboard.experts,
    base,
    newId,
    now,
    newSeed: () => randomInt(0, 2 ** 31),
    publish,
    onFault,
  };
  const turns = new RunningTurns(deps);
  const loadedAt = now();
  const services: SocketServices & ApiServices = {
    turns: new Turns(deps, turns),
    completions: new Completions(deps, turns),
    conversations: new Conversations(deps, (conversationId) => turns.stopConversation(conversationId)),
    votes: new Votes({ db, newId, now, publish, onVote: (expertId, value) => observe.vote(expertId, value) }),
    routeCorrections: new RouteCorrections({
      db,
      newId,
      now,
      publish,
      isPlugged: (id) => switchboard.experts.registry.adapters.has(id),
    }),
    adapters: () => switchboard.adapters,
    models: () => modelList(switchboard.experts.registry, loadedAt),
    embed: (texts) => hearing.embed(texts),
    embeds: () => hearing.state === "ready",
  };
  return { base, local, engine, remotes, switchboard, stopWatching, turns, services };
}

/** What `GET /health` says of it. */
export function healthOf(running: Running, hearing: Hearing): Health {
  const { base, engine, remotes, switchboard } = running;
  const { registry, router } = switchboard.experts;
  const { running: answering, waiting, ...engineHealth } = engine.health();
  const problem = unavailable(running);
  if (problem === "loading") return { status: "starting", step: "restarting the model", progress: null };
  if (problem)
    return {
      status: "starting",
      step: "the model has stopped",
      progress: null,
      error: problem.toBody(),
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
      name: hearing.headName,
      hears: router.hears,
      embedder: hearing.state,
    },
    queue: { running: answering, waiting },
  };
}

/** What `GET /metrics` says of it, beside what turns add up to. */
export function stateOf(running: Running | null, sockets: number): ServerState {
  if (!running) return { isReady: false, sockets, engines: [], local: null, remotes: [] };
  const { local, remotes } = running;
  return {
    isReady: unavailable(running) === null,
    sockets,
    engines: [queueOf(LOCAL, local), ...remotes.map((remote) => queueOf(remote.name, remote))],
    local: local.health(),
    remotes,
  };
}

function queueOf(name: string, engine: Engine): ServerState["engines"][number] {
  const { running, waiting } = engine.health();
  return { name, running, waiting };
}

/** Why nothing can be answered, or null. While this machine's model is away, others may answer. */
const unavailable = ({ local, remotes }: Running): LocalEngine["unavailable"] =>
  remotes.some(({ isAvailable }) => isAvailable) ? null : local.unavailable;
