import fs from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { readGgufFileInfo } from "node-llama-cpp";
import { describe, expect, it } from "vitest";
import { toHalf, writeGguf } from "../../server/models/gguf.ts";
import { Safetensors } from "../../server/models/safetensors.ts";
import { temporaryFolder } from "../support/folder.ts";

/** What a binary16 number stands for: https://en.wikipedia.org/wiki/Half-precision_floating-point_format */
function fromHalf(half: number): number {
  const [sign, exponent, fraction] = [half & 0x8000 ? -1 : 1, (half >> 10) & 31, half & 1023];
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}
const half = (value: number): number => toHalf(Float32Array.of(value))[0] ?? -1;

describe("16-bit floats", () => {
  it("keeps every number that has one exactly", () => {
    for (let bits = 0; bits < 0x7c00; bits++)
      for (const both of [bits, bits | 0x8000]) expect(half(fromHalf(both))).toBe(both);
  });

  it("takes the nearest to any other", () => {
    fc.assert(
      fc.property(fc.float({ min: -65_000, max: 65_000, noNaN: true }), (value) => {
        const bits = half(value);
        const gap = (other: number) => Math.abs(fromHalf(other) - value);
        expect(gap(bits)).toBeLessThanOrEqual(gap(bits + 1));
        if ((bits & 0x7fff) > 0) expect(gap(bits)).toBeLessThanOrEqual(gap(bits - 1));
      }),
    );
  });
});

describe("a GGUF file", () => {
  const floats = Float32Array.from({ length: 96 }, (_, i) => Math.sin(i) * (i < 32 ? 0.01 : 3));
  async function* inTwoParts() {
    yield floats.slice(0, 32);
    yield floats.slice(32);
  }

  it("is read by node-llama-cpp as it was written", async () => {
    const file = path.join(temporaryFolder(), "a.gguf");
    const metadata = new Map([
      ["general.architecture", { string: "bert" }],
      ["general.name", { string: "größe" }],
      ["bert.context_length", { u32: 512 }],
      ["bert.attention.causal", { bool: false }],
      ["bert.attention.layer_norm_epsilon", { f32: 0.5 }],
      ["tokenizer.ggml.tokens", { strings: ["[PAD]", "\u2581a"] }],
      ["tokenizer.ggml.token_type", { i32s: [3, -1] }],
    ] as const);
    await writeGguf(file, metadata, [
      { name: "q", type: "Q8_0", shape: [3, 32], floats: inTwoParts },
      { name: "h", type: "F16", shape: [96], floats: inTwoParts },
      { name: "f", type: "F32", shape: [2, 48], floats: inTwoParts },
    ]);
    const info = await readGgufFileInfo(file);
    expect(info.version).toBe(3);
    expect(info.metadata).toMatchObject({
      general: { architecture: "bert", name: "größe" },
      bert: { context_length: 512, attention: { causal: false, layer_norm_epsilon: 0.5 } },
      tokenizer: { ggml: { tokens: ["[PAD]", "\u2581a"], token_type: [3, -1] } },
    });
    expect(
      info.fullTensorInfo?.map(({ name, dimensions, offset }) => [
        name,
        dimensions.map(Number),
        Number(offset),
      ]),
    ).toEqual([
      ["q", [32, 3], 0],
      ["h", [96], 128],
      ["f", [48, 2], 320],
    ]);
    const bytes = fs.readFileSync(file);
    const data = bytes.subarray(bytes.length - 320 - 384);
    for (const [i, value] of floats.entries()) {
      expect(data.readFloatLE(320 + 4 * i)).toBe(value);
      expect(fromHalf(data.readUInt16LE(128 + 2 * i))).toBeCloseTo(value, 2);
      const block = 34 * Math.floor(i / 32);
      const restored = fromHalf(data.readUInt16LE(block)) * data.readInt8(block + 2 + (i % 32));
      expect(Math.abs(restored - value)).toBeLessThan(i < 32 ? 0.0001 : 0.02);
    }
  });
});

describe("a safetensors file", () => {
  function write(header: object, data: Buffer): string {
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    const file = path.join(temporaryFolder(), "a.safetensors");
    fs.writeFileSync(file, Buffer.concat([length, json, data]));
    return file;
  }
  const data = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer);
  const tensor = (from: number, to: number) => ({ dtype: "F32", shape: [2], data_offsets: [from, to] });

  it("gives each tensor's numbers, some at a time", async () => {
    const file = await Safetensors.open(
      write({ __metadata__: { format: "pt" }, a: tensor(0, 8), b: tensor(8, 16) }, data),
    );
    const chunks: number[][] = [];
    for await (const chunk of file.chunks(file.tensor("b"), 1)) chunks.push([...chunk]);
    expect(chunks).toEqual([[3], [4]]);
    expect(() => file.tensor("c")).toThrow("no tensor c");
    await file.close();
  });

  it("says what is wrong with it", async () => {
    const short = await Safetensors.open(write({ a: tensor(0, 32) }, data));
    await expect(short.chunks(short.tensor("a"), 8).next()).rejects.toThrow("ends too early");
    await short.close();
    const file = path.join(temporaryFolder(), "b.safetensors");
    fs.writeFileSync(file, Buffer.alloc(64, 0xff));
    await expect(Safetensors.open(file)).rejects.toThrow("too long");
    await expect(Safetensors.open(write({ a: { dtype: "F32" } }, data))).rejects.toThrow("shape");
  });
});
