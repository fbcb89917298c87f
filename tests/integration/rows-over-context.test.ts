import fs from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { readConfig } from "../../server/config.ts";
import { writeRunRows } from "../../server/learning/index.ts";
import { resolveModel } from "../../server/models/index.ts";
import { temporaryFolder } from "../support/folder.ts";

it("rows longer than the base model's context are refused by the dataset's line, and no run is written", async () => {
  const base = await resolveModel(undefined, readConfig(process.env).cacheDir, () => undefined);
  const row = (id: string, line: number, answer: string) => ({
    id,
    where: `train.jsonl line ${line}`,
    messages: [
      { role: "user" as const, content: "What is in the book?" },
      { role: "assistant" as const, content: answer },
    ],
  });
  const rows = [
    row("a", 1, "A story."),
    row("b", 7, "word ".repeat(9_000)),
    row("c", 8, "word ".repeat(8_500)),
  ];
  const runFolder = path.join(temporaryFolder(), "run");
  const part = { systemPrompt: "Be brief.", rows, labels: null };
  await expect(
    writeRunRows(base.path, runFolder, { train: [part], heldOut: { ...part, rows: rows.slice(0, 1) } }),
  ).rejects.toMatchObject({
    code: "data-invalid",
    message: expect.stringMatching(
      /^train\.jsonl line 7 \(b\) has 90\d\d tokens with its prompt, and the base model's context holds 8192\. So it is with 1 more\.$/,
    ),
    details: [expect.stringContaining("line 7 (b)"), expect.stringContaining("line 8 (c)")],
  });
  expect(fs.existsSync(runFolder)).toBe(false);
});
