import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import type { Engine, Sampling } from "../engines/index.ts";
import type { Placed } from "../json-lines.ts";
import type { BaseModel } from "../models/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { writeAtomically } from "../write-atomically.ts";
import { Conversation, readConversations } from "./dataset.ts";
import { generateAnswers } from "./evaluation/generate-answers.ts";

const SAMPLING: Sampling = {
  temperature: 0.7,
  topP: 0.95,
  topK: 0,
  minP: 0,
  repeatPenalty: 1,
  maxTokens: 160,
};

/**
 * The base model's own answers to turns of no domain, to be learnt again beside a domain's rows. Made once for each base
 * and kept.
 * @param background JSON lines with a `text`
 */
export async function replayRows(
  {
    base,
    background,
    count,
    systemPrompt,
    cacheDir,
  }: {
    base: BaseModel;
    background: string;
    count: number;
    systemPrompt: string;
    cacheDir: string;
  },
  engine: () => Promise<Engine>,
  onProgress: (share: number) => void,
): Promise<Placed<Conversation>[]> {
  if (count === 0) return [];
  if (!fs.existsSync(background))
    throw new PatchbayError("bad-request", "There are no general turns to replay.", {
      hint: `They are read from ${path.join("router", "train.jsonl")} beside the adapter.`,
    });
  const lines = fs.readFileSync(background, "utf8").trim().split("\n");
  const texts = lines.map((line): string => JSON.parse(line).text);
  if (texts.length < count)
    throw new PatchbayError(
      "bad-request",
      `There are ${texts.length} general turns to replay, ${count} are asked for.`,
      {
        hint: "Use a smaller share.",
      },
    );
  // From all over the file, whose rows are sorted by field.
  const chosen = Array.from(
    { length: count },
    (_, index) => texts[Math.floor((index * texts.length) / count)] ?? "",
  );
  const key = createHash("sha256")
    .update(JSON.stringify([base.sha256, systemPrompt, SAMPLING, chosen]))
    .digest("hex");
  const file = path.join(cacheDir, "replay", `${key.slice(0, 16)}.jsonl`);
  if (!fs.existsSync(file)) {
    const prompts = chosen.map((content) => [
      { role: "system" as const, content: systemPrompt },
      { role: "user" as const, content },
    ]);
    const answered = await generateAnswers(
      await engine(),
      { adapter: null, sampling: SAMPLING },
      prompts,
      onProgress,
    );
    const rows = answered
      .map(({ messages, answer }, index) => ({
        id: `replay-${index}`,
        messages: [
          { role: "user", content: messages[1]?.content },
          { role: "assistant", content: answer },
        ],
      }))
      .filter((row) => Conversation.safeParse(row).success);
    writeAtomically(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  }
  return readConversations(file);
}
