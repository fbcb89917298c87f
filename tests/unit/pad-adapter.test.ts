import fs from "node:fs";
import path from "node:path";
import { readGgufFileInfo } from "node-llama-cpp";
import { describe, expect, it } from "vitest";
import { padAdapter } from "../../server/engines/local/pad-adapter.ts";
import { versionFile } from "../support/adapters.ts";
import { temporaryFolder } from "../support/folder.ts";

const shipped = versionFile(path.resolve("adapters/support"), "gguf");

interface Tensor {
  rows: number;
  columns: number;
  at(row: number, column: number): number;
}

/** Reads an adapter with the library's own reader of the format. */
async function readAdapter(file: string) {
  const info = await readGgufFileInfo(file, { logWarnings: false });
  const bytes = fs.readFileSync(file);
  const tensors = new Map<string, Tensor>();
  for (const { name, dimensions, ggmlType, filePart, offset } of info.fullTensorInfo ?? []) {
    expect(filePart).toBe(1);
    const [columns = 0, rows = 0] = dimensions.map(Number);
    const start = dataOffset(info) + Number(offset);
    const at = (row: number, column: number) => {
      const index = row * columns + column;
      return ggmlType === 0
        ? bytes.readFloatLE(start + 4 * index)
        : half(bytes.readUInt16LE(start + 2 * index));
    };
    tensors.set(name, { rows, columns, at });
  }
  const metadata = info.metadata as unknown as { adapter: { lora: { alpha: number } } };
  return { tensors, alpha: metadata.adapter.lora.alpha, metadata: info.metadata };
}

type Info = Awaited<ReturnType<typeof readGgufFileInfo>>;

const dataOffset = (info: Info): number => {
  const end = Number(info.metadataSize) + Number(info.tensorInfoSize ?? 0);
  return Math.ceil(end / 32) * 32;
};

function half(bits: number): number {
  const fraction = bits & 0x3ff;
  const exponent = (bits >> 10) & 0x1f;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

describe("padding an adapter", () => {
  it("changes the rank and nothing of what it computes", async () => {
    const file = path.join(temporaryFolder(), "padded.gguf");
    fs.writeFileSync(file, padAdapter(fs.readFileSync(shipped)));
    const before = await readAdapter(shipped);
    const after = await readAdapter(file);
    expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
    for (const [name, a] of before.tensors) {
      if (!name.endsWith(".lora_a")) continue;
      const b = before.tensors.get(name.replace(/a$/, "b")) as Tensor;
      const wideA = after.tensors.get(name) as Tensor;
      const wideB = after.tensors.get(name.replace(/a$/, "b")) as Tensor;
      expect([wideA.rows, wideA.columns, wideB.rows, wideB.columns]).toEqual([16, a.columns, b.rows, 16]);
      for (const [row, column] of [
        [0, 0],
        [b.rows - 1, a.columns - 1],
        [b.rows >> 1, a.columns >> 1],
      ] as const) {
        let product = 0;
        let wide = 0;
        for (let k = 0; k < 8; k++) product += b.at(row, k) * a.at(k, column);
        for (let k = 0; k < 16; k++) wide += wideB.at(row, k) * wideA.at(k, column);
        expect(wide * (after.alpha / 16)).toBe(product * (before.alpha / 8));
      }
    }
  });

  it("keeps the metadata, hashes included", async () => {
    const file = path.join(temporaryFolder(), "padded.gguf");
    fs.writeFileSync(file, padAdapter(fs.readFileSync(shipped)));
    const patchbay = (info: { metadata: unknown }) => (info.metadata as { patchbay: unknown }).patchbay;
    expect(patchbay(await readAdapter(file))).toEqual(patchbay(await readAdapter(shipped)));
  });

  it("leaves a file alone whose rank the kernels like", () => {
    const once = padAdapter(fs.readFileSync(shipped));
    expect(padAdapter(once)).toBe(once);
  });

  it("fails on what is not an adapter, instead of reading past its end", () => {
    expect(() => padAdapter(Buffer.from("GGUF and then nothing of use"))).toThrow(RangeError);
    expect(() => padAdapter(Buffer.alloc(0))).toThrow(RangeError);
    expect(() => padAdapter(fs.readFileSync(shipped).subarray(0, 5_000))).toThrow(RangeError);
  });
});
