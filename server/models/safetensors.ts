import { type FileHandle, open } from "node:fs/promises";
import { z } from "zod";

export interface Tensor {
  name: string;
  /** Outermost dimension first. */
  shape: number[];
  /** Where its bytes begin in the file, and where the next ones do. */
  from: number;
  to: number;
}

const MAX_HEADER_BYTES = 16 * 1024 * 1024;
const Header = z.record(
  z.string(),
  z.object({
    dtype: z.string(),
    shape: z.array(z.number().int().nonnegative()),
    data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
  }),
);

/**
 * An open safetensors file: https://huggingface.co/docs/safetensors (8 bytes of header length, a JSON header, raw
 * little-endian tensors). Only 32-bit floats are read; tensors of other types are not listed.
 */
export class Safetensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly #file: FileHandle;

  private constructor(file: FileHandle, tensors: Tensor[]) {
    this.#file = file;
    this.tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  }

  /** @throws {Error} that says what is wrong with the file */
  static async open(path: string): Promise<Safetensors> {
    const file = await open(path, "r");
    try {
      const length = Number((await read(file, 0, 8)).readBigUInt64LE());
      if (length > MAX_HEADER_BYTES) throw new Error("the header of the safetensors file is too long");
      const { __metadata__: _, ...header } = JSON.parse((await read(file, 8, length)).toString("utf8"));
      const start = 8 + length;
      const floats = Object.entries(Header.parse(header)).filter(([, { dtype }]) => dtype === "F32");
      return new Safetensors(
        file,
        floats.map(
          ([
            name,
            {
              shape,
              data_offsets: [from, to],
            },
          ]) => ({
            name,
            shape,
            from: start + from,
            to: start + to,
          }),
        ),
      );
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** @throws {Error} where the file has no such tensor of 32-bit floats */
  tensor(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new Error(`the safetensors file has no tensor ${name}`);
    return tensor;
  }

  /** Some of a tensor's numbers, in the order in which they are stored. */
  async *chunks({ from, to }: Tensor, floats: number): AsyncGenerator<Float32Array> {
    for (let at = from; at < to; at += 4 * floats) {
      const bytes = await read(this.#file, at, Math.min(4 * floats, to - at));
      yield new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** A buffer of its own, so that numbers in it are aligned. */
async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead !== length) throw new Error("the safetensors file ends too early");
  return bytes;
}
