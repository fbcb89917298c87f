import { type FileHandle, open } from "node:fs/promises";

/* Writes GGUF, version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */

export type GgufValue =
  | { u32: number }
  | { f32: number }
  | { bool: boolean }
  | { string: string }
  | { strings: readonly string[] }
  | { i32s: readonly number[] };

/** How a tensor is stored: 32-bit or 16-bit floats, or 8-bit integers with a 16-bit scale for each 32 of them. */
export type GgufType = "F32" | "F16" | "Q8_0";

export interface GgufTensor {
  name: string;
  type: GgufType;
  /** Outermost dimension first, as in safetensors; GGUF itself states the innermost first. */
  shape: readonly number[];
  /** Its numbers, a multiple of 32 at a time. */
  floats: () => AsyncIterable<Float32Array>;
}

const TYPE_ID = { F32: 0, F16: 1, Q8_0: 8 } as const;
const VALUE_TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;
const ALIGNMENT = 32;
const BLOCK = 32;
const BLOCK_BYTES = 2 + BLOCK;
/** Bits of 2^-14 as a 32-bit float, and the distance of the two formats' exponents. */
const SMALLEST_NORMAL_HALF = 0x3880_0000;
const REBIAS = (127 - 15) << 23;

/** Writes the whole file, a chunk at a time, so that a server that does it goes on answering. */
export async function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
): Promise<void> {
  const file = await open(path, "w");
  try {
    await append(file, header(metadata, tensors));
    for (const tensor of tensors) {
      for await (const floats of tensor.floats()) await append(file, encode(floats, tensor.type));
      await append(file, Buffer.alloc(padding(byteLength(tensor))));
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function append(file: FileHandle, bytes: Buffer): Promise<void> {
  if (bytes.length > 0) await file.writeFile(bytes);
}

function header(metadata: ReadonlyMap<string, GgufValue>, tensors: readonly GgufTensor[]): Buffer {
  const parts = [Buffer.from("GGUF", "latin1"), u32(3), u64(tensors.length), u64(metadata.size)];
  for (const [key, value] of metadata) parts.push(string(key), ...encodeValue(value));
  let offset = 0;
  for (const tensor of tensors) {
    const { name, type, shape } = tensor;
    parts.push(
      string(name),
      u32(shape.length),
      ...shape.toReversed().map(u64),
      u32(TYPE_ID[type]),
      u64(offset),
    );
    const length = byteLength(tensor);
    offset += length + padding(length);
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([...parts, Buffer.alloc(padding(length))]);
}

function encodeValue(value: GgufValue): Buffer[] {
  if ("u32" in value) return [u32(VALUE_TYPE.u32), u32(value.u32)];
  if ("f32" in value) return [u32(VALUE_TYPE.f32), f32(value.f32)];
  if ("bool" in value) return [u32(VALUE_TYPE.bool), Buffer.from([value.bool ? 1 : 0])];
  if ("string" in value) return [u32(VALUE_TYPE.string), string(value.string)];
  if ("strings" in value)
    return [...arrayOf(VALUE_TYPE.string, value.strings.length), ...value.strings.map(string)];
  return [...arrayOf(VALUE_TYPE.i32, value.i32s.length), Buffer.from(Int32Array.from(value.i32s).buffer)];
}

const arrayOf = (type: number, length: number): Buffer[] => [u32(VALUE_TYPE.array), u32(type), u64(length)];

function encode(floats: Float32Array, type: GgufType): Buffer {
  switch (type) {
    case "F32":
      return Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength);
    case "F16":
      return Buffer.from(toHalf(floats).buffer);
    case "Q8_0":
      return quantise(floats);
    default:
      return type satisfies never;
  }
}

function quantise(floats: Float32Array): Buffer {
  const bytes = Buffer.alloc((floats.length / BLOCK) * BLOCK_BYTES);
  for (let from = 0, at = 0; from < floats.length; from += BLOCK, at += BLOCK_BYTES) {
    let largest = 0;
    for (let i = from; i < from + BLOCK; i++) largest = Math.max(largest, Math.abs(floats[i] ?? 0));
    const scale = largest / 127;
    bytes.writeUInt16LE(toHalf(Float32Array.of(scale))[0] ?? 0, at);
    if (scale > 0)
      for (let i = 0; i < BLOCK; i++)
        bytes.writeInt8(Math.round((floats[from + i] ?? 0) / scale), at + 2 + i);
  }
  return bytes;
}

/** To IEEE 754 binary16, to nearest, ties to even. Every magnitude has to be below 65,504. */
export function toHalf(floats: Float32Array): Uint16Array {
  const bits = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  return Uint16Array.from(bits, (word, at) => {
    const magnitude = word & 0x7fff_ffff;
    const half =
      magnitude < SMALLEST_NORMAL_HALF
        ? Math.round(Math.abs(floats[at] ?? 0) * 2 ** 24)
        : (magnitude - REBIAS + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    return ((word >>> 16) & 0x8000) | half;
  });
}

function byteLength({ type, shape }: GgufTensor): number {
  const floats = shape.reduce((product, size) => product * size, 1);
  if (type === "Q8_0") return (floats / BLOCK) * BLOCK_BYTES;
  return type === "F16" ? 2 * floats : 4 * floats;
}

const padding = (length: number): number => (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT;

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
}
