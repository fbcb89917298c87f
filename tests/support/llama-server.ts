import { resolveModel } from "../../server/models/index.ts";
import { buildPeer } from "../bench/peer/build.ts";
import { LlamaServer, type LlamaServerOptions } from "../bench/peer/llama-server.ts";
import { config } from "./engine.ts";

/** How long a first build may take, in ms. */
export const BUILD_MS = 20 * 60_000;

/** llama.cpp's own server with the default model; whoever starts it closes it. */
export async function startLlamaServer(options: Partial<LlamaServerOptions> = {}): Promise<LlamaServer> {
  const note = () => undefined;
  const base = await resolveModel(undefined, config.cacheDir, note);
  const peer = await buildPeer(config.cacheDir, note);
  return LlamaServer.start(peer, {
    modelPath: base.path,
    // Two spin beside whatever else runs, and each waits for the other.
    threads: 1,
    slots: 2,
    contextSize: 1_024,
    adapters: [],
    note,
    ...options,
  });
}
