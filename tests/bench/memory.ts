import { readGgufFileInfo } from "node-llama-cpp";
import { z } from "zod";
import { copyAdapters } from "../support/adapter-copies.ts";
import { residentMiB } from "../support/resident.ts";
import { withEngine } from "./bench-engine.ts";
import { adapterNamed, type Context, type Measurement } from "./context.ts";
import { withFolder } from "./folder.ts";
import { pause, REPEATS } from "./side-by-side.ts";
import { type Figure, figure } from "./statistics.ts";

const MIB = 1024 ** 2;
/** What a context may take besides its adapter and its KV state, in MiB. */
const ALLOWANCE_MIB = 64;
const F16_BYTES = 2;
const SETTLE_MS = 500;

/** `memoryPerAdapterMiB`: what the model process takes more with each further adapter that is ready. */
export const memoryPerAdapter: Measurement = {
  units: { memoryPerAdapterMiB: "MiB" },
  needsPeer: false,
  measure: async (context) => ({ memoryPerAdapterMiB: await measure(context) }),
};

function measure(context: Context): Promise<Figure> {
  const { note, config } = context;
  const { file, card, prompt } = adapterNamed(context, "support");
  return withFolder((folder) =>
    withEngine(context, {}, async (engine) => {
      const growth: number[] = [];
      let before = 0;
      // The first one also brings what all of them share.
      for (const [index, adapter] of copyAdapters([file], folder, REPEATS + 1).entries()) {
        await engine.plug(adapter, prompt.text);
        await pause(SETTLE_MS);
        const after = await residentMiB(engine.pid);
        note(`${index + 1} adapters: ${after.toFixed(0)} MiB`);
        if (index > 0) growth.push(after - before);
        before = after;
      }
      const { contexts, sequences } = engine.health();
      if (contexts < growth.length + 1)
        throw new Error(`only ${contexts} adapters fit into the memory allowed: raise PATCHBAY_MEMORY`);
      const tokens = config.contextSize * (sequences / contexts);
      const kvMiB = (tokens * (await kvBytesPerToken(context.base.path))) / MIB;
      const adapterMiB = card.bytes / MIB;
      note(`adapter file ${adapterMiB.toFixed(1)} MiB, KV state of ${tokens} tokens ${kvMiB.toFixed(0)} MiB`);
      return figure(growth, adapterMiB * 1.2 + kvMiB + ALLOWANCE_MIB, "lower");
    }),
  );
}

/** Of the model's architecture, under whose name they stand in the file. */
const Architecture = z.object({
  block_count: z.number(),
  embedding_length: z.number(),
  attention: z.object({
    head_count: z.number(),
    head_count_kv: z.number().optional(),
    key_length: z.number().optional(),
    value_length: z.number().optional(),
  }),
});

/** Keys and values of one token in every layer, in half precision. */
async function kvBytesPerToken(modelPath: string): Promise<number> {
  const { architectureMetadata } = await readGgufFileInfo(modelPath, {
    readTensorInfo: false,
    logWarnings: false,
  });
  const { block_count, embedding_length, attention } = Architecture.parse(architectureMetadata);
  const headSize = embedding_length / attention.head_count;
  const perHead = (attention.key_length ?? headSize) + (attention.value_length ?? headSize);
  return block_count * (attention.head_count_kv ?? attention.head_count) * perHead * F16_BYTES;
}
