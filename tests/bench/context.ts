import os from "node:os";
import { type Config, readConfig } from "../../server/config.ts";
import { type BaseModel, resolveModel } from "../../server/models/index.ts";
import { type Adapter, type AdapterVersion, Registry } from "../../server/registry/index.ts";
import type { Peer } from "./peer/build.ts";
import type { Figure } from "./statistics.ts";

/** An adapter with the version that serves. */
export type BenchAdapter = Omit<Adapter, "version"> & AdapterVersion;

/** What every measurement works with. */
export interface Context {
  config: Config;
  base: BaseModel;
  /** The adapters that this server would serve, by name. */
  adapters: BenchAdapter[];
  /** System prompt of the base model alone. */
  basePrompt: string;
  /** Threads on both sides of a comparison: PATCHBAY_THREADS, else all cores, which an idle machine's engine uses. */
  threads: number;
  /** Minutes of traffic over a hundred adapters. */
  minutes: number;
  /** Builds llama.cpp's programs at the first call. */
  peer: () => Promise<Peer>;
  /** Tells people how it goes. */
  note: (line: string) => void;
}

/** Figures that come out of one run, with their units. */
export interface Measurement {
  units: Readonly<Record<string, string>>;
  /** Whether it is run against llama.cpp's own programs. */
  needsPeer: boolean;
  measure: (context: Context) => Promise<Record<string, Figure>>;
}

export async function openContext(
  note: Context["note"],
  { minutes, peer }: { minutes: number; peer: (cacheDir: string) => Promise<Peer> },
): Promise<Context> {
  const config = readConfig(process.env);
  const base = await resolveModel(config.model, config.cacheDir, note);
  const registry = await Registry.open(config, base.sha256);
  const threads = config.threads ?? os.availableParallelism();
  const adapters = [...registry.adapters.values()].flatMap(({ version, ...adapter }) =>
    version ? [{ ...adapter, ...version }] : [],
  );
  let built: Promise<Peer> | null = null;
  const builtOnce = () => {
    built ??= peer(config.cacheDir);
    return built;
  };
  note(`${os.cpus()[0]?.model.trim() ?? "CPU"}, ${os.availableParallelism()} cores, ${threads} threads`);
  note(`model ${base.name}, adapters ${adapters.map(({ file }) => file.version).join(", ")}`);
  return {
    config,
    base,
    adapters,
    basePrompt: registry.base.prompt.text,
    threads,
    minutes,
    peer: builtOnce,
    note,
  };
}

/** @throws {Error} where there is no such adapter */
export function adapterNamed({ adapters }: Context, id: string): BenchAdapter {
  const adapter = adapters.find(({ summary }) => summary.id === id);
  if (!adapter) throw new Error(`this figure needs the adapter "${id}", trained for the model that runs`);
  return adapter;
}

/** The adapters that come with the server. */
export const shippedAdapters = (context: Context): BenchAdapter[] =>
  ["support", "health", "education", "entertainment"].map((id) => adapterNamed(context, id));
