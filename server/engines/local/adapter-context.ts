import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { LlamaContext, LlamaContextOptions, LlamaModel } from "node-llama-cpp";
import { PatchbayError } from "../../protocol/index.ts";
import type { AdapterFile } from "../engine.ts";
import { withAllThreads } from "./decode-threads.ts";
import { padAdapter } from "./pad-adapter.ts";

export interface ContextOptions {
  contextSize: number;
  sequences: number;
  threads: number;
  batchSize: number;
}

export interface AdapterContext {
  context: LlamaContext;
  /** Where the model took the adapter from; null for the base model alone. */
  loadedFrom: string | null;
  /** What both take, the adapter as it was loaded. */
  bytes: number;
}

/**
 * A context of the model with this adapter, null for the base model alone. The adapter's file is proved again, since it
 * may have been replaced since it was plugged in, and what is loaded is a copy of exactly the bytes that were proved.
 * @param folder for the copy
 * @throws {PatchbayError} `adapter-invalid`, `adapter-hash-mismatch`
 */
export async function openContext(
  model: LlamaModel,
  adapter: AdapterFile | null,
  options: ContextOptions,
  folder: string,
): Promise<AdapterContext> {
  const make = (lora?: LlamaContextOptions["lora"]) =>
    withAllThreads(model.llama, options.threads, () =>
      model.createContext({ ...options, ...(lora && { lora }) }),
    );
  if (!adapter) return opened(await make(), null, 0);
  const copy = path.join(folder, `${adapter.sha256}.gguf`);
  try {
    const file = await provedFile(adapter);
    // A GPU has kernels of its own.
    const content = model.gpuLayers > 0 ? file : padAdapter(file);
    await fs.promises.writeFile(copy, content);
    const context = await make({ adapters: [{ filePath: copy, scale: 1 }] });
    return opened(context, copy, content.length);
  } catch (cause) {
    if (cause instanceof PatchbayError) throw cause;
    throw new PatchbayError(
      "adapter-invalid",
      `The adapter ${adapter.version} cannot be loaded by the model.`,
      { cause },
    );
  } finally {
    // The model has read it, or never will.
    fs.rmSync(copy, { force: true });
  }
}

function opened(context: LlamaContext, loadedFrom: string | null, adapterBytes: number): AdapterContext {
  const { ram, vram } = context.memoryUsage;
  return { context, loadedFrom, bytes: ram + vram + adapterBytes };
}

/** Gives back a context's memory and its adapter's. */
export async function closeContext({ context, loadedFrom }: AdapterContext): Promise<void> {
  const { model } = context;
  await context.dispose();
  if (loadedFrom) await unloadAdapter(model, loadedFrom);
}

async function provedFile({ version, path: file, sha256 }: AdapterFile): Promise<Buffer> {
  const bytes = await fs.promises.readFile(file).catch((cause) => {
    throw new PatchbayError("adapter-invalid", `The file of ${version} is missing or cannot be read.`, {
      hint: "Restore its folder, or ask another expert.",
      cause,
    });
  });
  if (createHash("sha256").update(bytes).digest("hex") !== sha256)
    throw new PatchbayError(
      "adapter-hash-mismatch",
      `The file of ${version} is not the one that was plugged in.`,
      { hint: "It is damaged or was replaced: restore it, or train the adapter again." },
    );
  return bytes;
}

interface LoadedAdapter {
  dispose(): Promise<void>;
}

/**
 * node-llama-cpp 3.22 keeps every adapter that it has loaded for as long as the model lives, by path: memory would grow
 * with each one ever used. There is no public way to unload one, so this takes it from the model's own list; where a later
 * version has no such list, it unloads by itself or the memory test of the pool says so.
 */
async function unloadAdapter(model: LlamaModel, file: string): Promise<void> {
  const { _loraAdapters: loaded } = model as unknown as { _loraAdapters?: Map<string, LoadedAdapter> };
  const adapter = loaded?.get(file);
  loaded?.delete(file);
  await adapter?.dispose();
}
