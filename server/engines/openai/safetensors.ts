export interface SafeTensor {
  name: string;
  dtype: "F32" | "F16";
  /** Rows, then columns; row by row in `data`. */
  shape: [number, number];
  data: Buffer;
}

/** Tensors as one file: https://huggingface.co/docs/safetensors#format */
export function safetensors(tensors: readonly SafeTensor[]): Buffer {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, data }) => {
    const start = end;
    end += data.length;
    return [name, { dtype, shape, data_offsets: [start, end] }] as const;
  });
  const json = JSON.stringify({ __metadata__: { format: "pt" }, ...Object.fromEntries(entries) });
  // The data begins at a multiple of 8.
  const header = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, ...tensors.map(({ data }) => data)]);
}
