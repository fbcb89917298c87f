import { describe, expect, it } from "vitest";
import { type Embed, embeddings } from "../../server/gateway/openai/embeddings.ts";

/** A vector that tells its text apart: its length, and where it stands among the texts. */
const embed: Embed = async (texts) => texts.map((text, index) => Float32Array.of(text.length, -0.5, index));

describe("the embeddings of the API", () => {
  it("come in the order of their texts, as numbers", async () => {
    const input = ["hello", "to you"];
    expect(await embeddings(embed, { model: "embedder", input, user: "ada" })).toEqual({
      object: "list",
      model: "embedder",
      data: [
        { object: "embedding", index: 0, embedding: [5, -0.5, 0] },
        { object: "embedding", index: 1, embedding: [6, -0.5, 1] },
      ],
    });
  });

  it("come as base64 of 32-bit floats, least significant byte first", async () => {
    const { data } = await embeddings(embed, {
      model: "embedder",
      input: "hello",
      encoding_format: "base64",
    });
    // 5.0 is 0x40a00000 and -0.5 is 0xbf000000.
    expect(Buffer.from(data[0]?.embedding as string, "base64").toString("hex")).toBe(
      "0000a040000000bf00000000",
    );
  });

  it("have the length that they have, which may be asked for and no other", async () => {
    const asked = { model: "embedder", input: "hello" };
    expect((await embeddings(embed, { ...asked, dimensions: 3 })).data).toHaveLength(1);
    await expect(embeddings(embed, { ...asked, dimensions: 2 })).rejects.toMatchObject({
      code: "bad-request",
      details: { param: "dimensions" },
    });
  });

  it.each([
    [{ input: "hello" }, "model"],
    [{ model: "embedder" }, "input"],
    [{ model: "embedder", input: [] }, "input"],
    [{ model: "embedder", input: "" }, "input"],
    [{ model: "embedder", input: "hello", encoding_format: "hex" }, "encoding_format"],
    [{ model: "embedder", input: "hello", truncate: true }, "truncate"],
  ])("are refused with the parameter that is wrong: %j", async (body, param) => {
    await expect(embeddings(embed, body)).rejects.toMatchObject({ details: { param } });
  });
});
