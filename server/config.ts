import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type EnginesFile, readEnginesFile } from "./engines-file.ts";
import { PatchbayError } from "./protocol/index.ts";

/** Everything that can be set, read once. docs/settings.md lists the same for people. */
export interface Config {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  dataDir: string;
  cacheDir: string;
  /** A GGUF path, a catalogue name or an `hf:` URI; undefined is the catalogue's default. */
  model: string | undefined;
  adaptersDir: string;
  promptsDir: string;
  /** Background rows of the router. */
  backgroundDir: string;
  gpu: "auto" | "off";
  /** Whether the router hears what texts mean, beside their words. */
  embedder: "auto" | "off";
  threads: number | null;
  contextSize: number;
  /** null: by memory. */
  sequences: number | null;
  /** For the adapters' contexts; null: a part of what there is. */
  memoryMiB: number | null;
  maxWaiting: number;
  maxWaitMs: number;
  /** Engines elsewhere and who is asked first; null: the model on this machine alone. */
  engines: EnginesFile | null;
  log: "lines" | "json";
  /** Whether logs and traces may hold what people and experts say. */
  showsText: boolean;
  /** Where spans are sent by OTLP over HTTP; null: nowhere. */
  tracesUrl: string | null;
}

const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

const httpUrl = z.url({ protocol: /^https?$/, error: "an address such as http://127.0.0.1:4318" });

const Environment = z.object({
  HOST: z.string().min(1).default("127.0.0.1"),
  PORT: integer(0, 65_535).default(3000),
  PATCHBAY_DATA: z.string().min(1).default("./data"),
  PATCHBAY_CACHE: z.string().min(1).optional(),
  PATCHBAY_MODEL: z.string().min(1).optional(),
  PATCHBAY_ADAPTERS: z.string().min(1).optional(),
  PATCHBAY_PROMPTS: z.string().min(1).optional(),
  PATCHBAY_GPU: z.enum(["auto", "off"]).default("auto"),
  PATCHBAY_EMBEDDER: z.enum(["auto", "off"]).default("auto"),
  PATCHBAY_THREADS: integer(1, 512).optional(),
  PATCHBAY_CONTEXT: integer(256, 131_072).default(2048),
  PATCHBAY_SEQUENCES: integer(1, 64).optional(),
  PATCHBAY_MEMORY: integer(16, 1_048_576).optional(),
  PATCHBAY_QUEUE: integer(0, 10_000).default(256),
  PATCHBAY_QUEUE_SECONDS: integer(1, 86_400).default(300),
  PATCHBAY_ENGINES: z.string().min(1).optional(),
  PATCHBAY_LOG: z.enum(["lines", "json"]).default("lines"),
  PATCHBAY_LOG_TEXT: z.enum(["on", "off"]).default("off"),
  // OpenTelemetry's own: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl.optional(),
  OTEL_SDK_DISABLED: z.string().optional(),
});

/** Folder of this package: adapters, prompts and the built page lie below it, from sources and from dist alike. */
export const packageRoot = findPackageRoot(path.dirname(fileURLToPath(import.meta.url)));

/** @throws {PatchbayError} `bad-request` that names the setting, or the place in the engines file. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const present = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = Environment.safeParse(present);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = issue?.path.join(".") ?? "";
    throw new PatchbayError(
      "bad-request",
      `The setting ${name}=${env[name]} is not valid: ${issue?.message}.`,
    );
  }
  const settings = parsed.data;
  return {
    host: settings.HOST,
    port: settings.PORT,
    dataDir: path.resolve(settings.PATCHBAY_DATA),
    cacheDir: path.resolve(settings.PATCHBAY_CACHE ?? defaultCacheDir(env)),
    model: settings.PATCHBAY_MODEL,
    adaptersDir: path.resolve(settings.PATCHBAY_ADAPTERS ?? path.join(packageRoot, "adapters")),
    promptsDir: path.resolve(settings.PATCHBAY_PROMPTS ?? path.join(packageRoot, "prompts")),
    backgroundDir: path.join(packageRoot, "adapters", "router"),
    gpu: settings.PATCHBAY_GPU,
    embedder: settings.PATCHBAY_EMBEDDER,
    threads: settings.PATCHBAY_THREADS ?? null,
    contextSize: settings.PATCHBAY_CONTEXT,
    sequences: settings.PATCHBAY_SEQUENCES ?? null,
    memoryMiB: settings.PATCHBAY_MEMORY ?? null,
    maxWaiting: settings.PATCHBAY_QUEUE,
    maxWaitMs: settings.PATCHBAY_QUEUE_SECONDS * 1000,
    engines: settings.PATCHBAY_ENGINES ? readEnginesFile(settings.PATCHBAY_ENGINES, env) : null,
    log: settings.PATCHBAY_LOG,
    showsText: settings.PATCHBAY_LOG_TEXT === "on",
    tracesUrl: tracesUrl(settings),
  };
}

function tracesUrl(settings: z.infer<typeof Environment>): string | null {
  if (settings.OTEL_SDK_DISABLED?.toLowerCase() === "true") return null;
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: exact, OTEL_EXPORTER_OTLP_ENDPOINT: base } = settings;
  return exact ?? (base ? `${base.replace(/\/$/, "")}/v1/traces` : null);
}

/** The environment's settings, with another base model where a command names one. */
export const configForModel = (model: string | undefined): Config =>
  readConfig({ ...process.env, ...(model && { PATCHBAY_MODEL: model }) });

/** What the local engine needs of the settings, and where its compiled worker lies. */
export function engineSettings(config: Config) {
  const { gpu, threads, contextSize, sequences, memoryMiB, maxWaiting, maxWaitMs } = config;
  const workerPath = path.join(packageRoot, "dist", "server", "engines", "local", "worker.js");
  return { workerPath, gpu, threads, contextSize, sequences, memoryMiB, maxWaiting, maxWaitMs };
}

/** Compiled module of the process that embeds. */
export const embedderProcessPath = path.join(
  packageRoot,
  "dist",
  "server",
  "routing",
  "embedder",
  "process.js",
);

/** Whether only this machine can reach the address. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);

function defaultCacheDir(env: Record<string, string | undefined>): string {
  const home = os.homedir();
  if (env.XDG_CACHE_HOME) return path.join(env.XDG_CACHE_HOME, "patchbay");
  if (process.platform === "darwin") return path.join(home, "Library", "Caches", "patchbay");
  if (process.platform === "win32")
    return path.join(env.LOCALAPPDATA ?? path.join(home, "AppData", "Local"), "patchbay");
  return path.join(home, ".cache", "patchbay");
}

function findPackageRoot(from: string): string {
  if (fs.existsSync(path.join(from, "package.json"))) return from;
  const parent = path.dirname(from);
  if (parent === from) throw new Error("package.json not found above this module");
  return findPackageRoot(parent);
}
