import fs from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addRouter } from "../../server/cli/router.ts";
import { decide, parseHead, type RoutingRow } from "../../server/routing/index.ts";
import { temporaryFolder } from "../support/folder.ts";

/** The head that `router train` writes. */
async function train(...rows: RoutingRow[]) {
  const folder = temporaryFolder();
  const [data, out] = [path.join(folder, "rows.jsonl"), path.join(folder, "head.json")];
  fs.writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  const program = new Command();
  addRouter(program);
  await program.parseAsync(["router", "train", "--no-embed", "--data", data, "--out", out], { from: "user" });
  return parseHead(fs.readFileSync(out, "utf8"));
}
const parcel = { text: "my parcel never came", label: "shop" };

describe("router train", () => {
  it.each([
    ["one domain", [parcel, { text: "refund me", label: "shop" }]],
    [
      "null and base, which are the same",
      [
        { text: "good morning", label: null },
        { text: "tell me a joke", label: "base" },
      ],
    ],
  ])("refuses rows of one label: %s", async (_, rows) => {
    await expect(train(...rows)).rejects.toMatchObject({
      code: "data-invalid",
      message: expect.stringContaining("the same label"),
      hint: expect.stringContaining("second"),
    });
  });

  it("learns one domain beside rows that are outside", async () => {
    expect((await train(parcel, { text: "good morning", label: "base" })).labels).toEqual(["shop", "base"]);
  });

  it("learns rows that say different things of the same text, and is sure of neither", async () => {
    const head = await train(
      ...Array.from({ length: 6 }, () => [parcel, { ...parcel, label: "garden" }]).flat(),
    );
    const { confidence, runnerUp } = decide(head, {
      turns: [{ role: "user", text: parcel.text }],
      previous: null,
    });
    expect(head.labels).toEqual(["garden", "shop", "base"]);
    expect(confidence).toBeLessThan(0.6);
    expect(runnerUp?.confidence).toBeGreaterThan(0.3);
  });
});
