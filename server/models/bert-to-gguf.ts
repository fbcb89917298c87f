import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { type GgufTensor, type GgufValue, writeGguf } from "./gguf.ts";
import { Safetensors } from "./safetensors.ts";

const Config = z.object({
  model_type: z.literal("bert"),
  hidden_act: z.literal("gelu"),
  hidden_size: z.number().int().multipleOf(32),
  intermediate_size: z.number().int().multipleOf(32),
  num_attention_heads: z.number().int().positive(),
  num_hidden_layers: z.number().int().positive(),
  max_position_embeddings: z.number().int().positive(),
  type_vocab_size: z.number().int().positive(),
  vocab_size: z.number().int().positive(),
  layer_norm_eps: z.number().positive(),
});
type Config = z.infer<typeof Config>;

/** Numbers quantised at a time: a few milliseconds. */
const CHUNK = 256 * 1024;
/** llama.cpp's number for "the mean over the tokens". */
const MEAN_POOLING = 1;
const MOSTLY_F16 = 1;
/** llama.cpp's token types. */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;

/** What a layer's tensors are called on either side. */
const LAYER_TENSORS = [
  ["attention.self.query", "attn_q"],
  ["attention.self.key", "attn_k"],
  ["attention.self.value", "attn_v"],
  ["attention.output.dense", "attn_output"],
  ["attention.output.LayerNorm", "attn_output_norm"],
  ["intermediate.dense", "ffn_up"],
  ["output.dense", "ffn_down"],
  ["output.LayerNorm", "layer_output_norm"],
] as const;

/**
 * A BERT sentence encoder with mean pooling as GGUF, with the names and keys of llama.cpp's own conversion: matrices in
 * F16 (in Q8_0 the cosine to the original falls to 0.9976 on short texts), the table of words, which is only looked up,
 * in Q8_0, the rest in F32. Equal input gives equal bytes.
 * @param folder with model.safetensors, config.json and vocab.txt as sentence-transformers lays them out
 * @throws {Error} that says what is missing or of another shape
 */
export async function bertToGguf(folder: string, out: string, name: string): Promise<void> {
  const config = Config.parse(JSON.parse(fs.readFileSync(path.join(folder, "config.json"), "utf8")));
  const vocabulary = fs.readFileSync(path.join(folder, "vocab.txt"), "utf8").trimEnd().split("\n");
  if (vocabulary.length !== config.vocab_size)
    throw new Error(`the vocabulary has ${vocabulary.length} entries instead of ${config.vocab_size}`);
  const weights = await Safetensors.open(path.join(folder, "model.safetensors"));
  try {
    await writeGguf(out, metadata(config, vocabulary, name), tensors(config, weights));
  } finally {
    await weights.close();
  }
}

function metadata(config: Config, vocabulary: string[], name: string): Map<string, GgufValue> {
  const idOf = (token: string) => ({ u32: vocabulary.indexOf(token) });
  return new Map<string, GgufValue>([
    ["general.architecture", { string: "bert" }],
    ["general.name", { string: name }],
    ["general.file_type", { u32: MOSTLY_F16 }],
    ["general.quantization_version", { u32: 2 }],
    ["bert.context_length", { u32: config.max_position_embeddings }],
    ["bert.embedding_length", { u32: config.hidden_size }],
    ["bert.feed_forward_length", { u32: config.intermediate_size }],
    ["bert.block_count", { u32: config.num_hidden_layers }],
    ["bert.attention.head_count", { u32: config.num_attention_heads }],
    ["bert.attention.layer_norm_epsilon", { f32: config.layer_norm_eps }],
    ["bert.attention.causal", { bool: false }],
    ["bert.pooling_type", { u32: MEAN_POOLING }],
    ["tokenizer.ggml.model", { string: "bert" }],
    ["tokenizer.ggml.pre", { string: "default" }],
    ["tokenizer.ggml.tokens", { strings: vocabulary.map(phantomSpace) }],
    ["tokenizer.ggml.token_type", { i32s: vocabulary.map(tokenType) }],
    ["tokenizer.ggml.token_type_count", { u32: config.type_vocab_size }],
    ["tokenizer.ggml.bos_token_id", idOf("[CLS]")],
    ["tokenizer.ggml.cls_token_id", idOf("[CLS]")],
    // The misspelling is the format's.
    ["tokenizer.ggml.seperator_token_id", idOf("[SEP]")],
    ["tokenizer.ggml.unknown_token_id", idOf("[UNK]")],
    ["tokenizer.ggml.padding_token_id", idOf("[PAD]")],
    ["tokenizer.ggml.mask_token_id", idOf("[MASK]")],
  ]);
}

const SPECIAL = new Set(["[CLS]", "[SEP]", "[PAD]", "[MASK]"]);

function tokenType(token: string): number {
  if (token === "[UNK]") return UNKNOWN;
  return SPECIAL.has(token) ? CONTROL : NORMAL;
}

/** llama.cpp marks where a word begins, WordPiece where one goes on. */
function phantomSpace(token: string): string {
  if (tokenType(token) !== NORMAL) return token;
  return token.startsWith("##") ? token.slice(2) : `\u2581${token}`;
}

function tensors(config: Config, weights: Safetensors): GgufTensor[] {
  const { hidden_size: hidden, intermediate_size: inner } = config;
  const tensor = (from: string, name: string, type: GgufTensor["type"], ...shape: number[]): GgufTensor => {
    const source = weights.tensor(from);
    if (source.shape.join() !== shape.join())
      throw new Error(`${from} has the shape ${source.shape.join(" x ")} instead of ${shape.join(" x ")}`);
    return { name, type, shape, floats: () => weights.chunks(source, CHUNK) };
  };
  const norm = (from: string, name: string) => [
    tensor(`${from}.weight`, `${name}.weight`, "F32", hidden),
    tensor(`${from}.bias`, `${name}.bias`, "F32", hidden),
  ];
  const dense = (from: string, name: string, rows: number, columns: number) => [
    tensor(`${from}.weight`, `${name}.weight`, "F16", rows, columns),
    tensor(`${from}.bias`, `${name}.bias`, "F32", rows),
  ];
  const layer = (at: number) =>
    LAYER_TENSORS.flatMap(([theirs, ours]) => {
      const [from, name] = [`encoder.layer.${at}.${theirs}`, `blk.${at}.${ours}`];
      if (ours.endsWith("_norm")) return norm(from, name);
      return dense(from, name, ours === "ffn_up" ? inner : hidden, ours === "ffn_down" ? inner : hidden);
    });
  const { vocab_size, max_position_embeddings, type_vocab_size, num_hidden_layers } = config;
  const embeddings = (kind: string) => `embeddings.${kind}_embeddings.weight`;
  return [
    tensor(embeddings("word"), "token_embd.weight", "Q8_0", vocab_size, hidden),
    tensor(embeddings("position"), "position_embd.weight", "F32", max_position_embeddings, hidden),
    tensor(embeddings("token_type"), "token_types.weight", "F32", type_vocab_size, hidden),
    ...norm("embeddings.LayerNorm", "token_embd_norm"),
    ...Array.from({ length: num_hidden_layers }, (_, at) => layer(at)).flat(),
  ];
}
