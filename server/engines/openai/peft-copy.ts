import { createHash } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";
import type { GgufFileInfo } from "node-llama-cpp";
import { PatchbayError } from "../../protocol/index.ts";
import type { AdapterFile } from "../engine.ts";
import { type SafeTensor, safetensors } from "./safetensors.ts";

/** llama.cpp's names of the linear projections in transformers' words. */
const MODULES: Readonly<Record<string, string>> = {
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};
const TENSOR = /^blk\.(\d+)\.(\w+)\.weight\.lora_([ab])$/;
/** GGUF's numbers of the types that adapters are written in. */
const TYPES: Readonly<Record<number, { dtype: "F32" | "F16"; bytes: number }>> = {
  0: { dtype: "F32", bytes: 4 },
  1: { dtype: "F16", bytes: 2 },
};

/** Attention heads of the base model, and those of its keys. */
interface Heads {
  q: number;
  k: number;
}

/**
 * Writes an adapter as PEFT saves one, which is what vLLM and SGLang load: a folder named by the content's hash, complete
 * or not there at all. @returns its name
 * https://huggingface.co/docs/peft/developer_guides/checkpoint
 * @param baseModel as the server that loads it calls it
 * @throws {PatchbayError} `adapter-hash-mismatch`, `adapter-invalid`
 */
export async function writePeftCopy(
  adapter: AdapterFile,
  { folder, basePath, baseModel }: { folder: string; basePath: string; baseModel: string },
): Promise<string> {
  const name = `${adapter.sha256.slice(0, 16)}-peft`;
  const target = path.join(folder, name);
  if (await exists(target)) return name;
  const file = await fs.readFile(adapter.path);
  if (createHash("sha256").update(file).digest("hex") !== adapter.sha256)
    throw new PatchbayError("adapter-hash-mismatch", `The file of ${adapter.version} is not the one it was.`);
  const { readGgufFileInfo } = await import("node-llama-cpp");
  const info = await readGgufFileInfo(adapter.path, { logWarnings: false });
  const base = await readGgufFileInfo(basePath, { logWarnings: false });
  const tensors = peftTensors(file, info, headsOf(base));
  const unfinished = `${target}.${process.pid}.unfinished`;
  await fs.mkdir(unfinished, { recursive: true });
  await fs.writeFile(path.join(unfinished, "adapter_model.safetensors"), safetensors(tensors));
  await fs.writeFile(
    path.join(unfinished, "adapter_config.json"),
    JSON.stringify(peftConfig(info, tensors, baseModel)),
  );
  await fs.rename(unfinished, target);
  return name;
}

function peftTensors(file: Buffer, info: GgufFileInfo, heads: Heads | null): SafeTensor[] {
  return (info.fullTensorInfo ?? []).map(({ name, dimensions, ggmlType, fileOffset }) => {
    const [, layer, part = "", side] = TENSOR.exec(name) ?? [];
    const module = MODULES[part];
    const type = TYPES[ggmlType];
    const [columns, rows] = dimensions.map(Number);
    if (!module || !type || !columns || !rows)
      throw new PatchbayError("adapter-invalid", `The adapter's tensor ${name} has no place in a PEFT copy.`);
    const start = Number(fileOffset);
    const data = file.subarray(start, start + rows * columns * type.bytes);
    const rotary = side === "b" && heads && { attn_q: heads.q, attn_k: heads.k }[part];
    return {
      name: `base_model.model.model.layers.${layer}.${module}.lora_${side === "a" ? "A" : "B"}.weight`,
      dtype: type.dtype,
      shape: [rows, columns],
      data: rotary ? regrouped(data, rows, rotary) : data,
    };
  });
}

/**
 * The rows of Q and K in transformers' order. It rotates a head's first half against its second, llama.cpp's "llama"
 * neighbours: a head's rows are a grid of (2, half) there and of (half, 2) here.
 */
function regrouped(data: Buffer, rows: number, heads: number): Buffer {
  const bytes = data.length / rows;
  const half = rows / heads / 2;
  const result = Buffer.alloc(data.length);
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / (2 * half));
    const [pair, side] = [Math.floor((row % (2 * half)) / 2), row % 2];
    data.copy(result, (head * 2 * half + side * half + pair) * bytes, row * bytes, (row + 1) * bytes);
  }
  return result;
}

/** null: the architecture rotates as transformers does. */
function headsOf(base: GgufFileInfo): Heads | null {
  if (base.metadata.general.architecture !== "llama") return null;
  const { head_count: q, head_count_kv: k } = base.architectureMetadata.attention ?? {};
  if (typeof q !== "number")
    throw new PatchbayError("model-corrupt", "The base model does not say how many attention heads it has.");
  return { q, k: typeof k === "number" ? k : q };
}

function peftConfig(info: GgufFileInfo, tensors: SafeTensor[], baseModel: string) {
  const metadata = info.metadata as { adapter?: { lora?: { alpha?: number } } };
  const rank = tensors.find(({ name }) => name.endsWith("lora_A.weight"))?.shape[0];
  return {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: baseModel,
    r: rank,
    lora_alpha: metadata.adapter?.lora?.alpha ?? rank,
    lora_dropout: 0,
    target_modules: [...new Set(tensors.map(({ name }) => name.split(".").at(-3)))],
    bias: "none",
    fan_in_fan_out: false,
    use_rslora: false,
    use_dora: false,
    inference_mode: true,
  };
}

const exists = (file: string): Promise<boolean> =>
  fs.access(file).then(
    () => true,
    () => false,
  );
