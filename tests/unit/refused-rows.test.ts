import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { type Conversation, defaultTrainConfig, prepareRun } from "../../server/learning/index.ts";
import { promptsDir } from "../support/adapters.ts";
import { smallDomains } from "../support/conversations.ts";
import { temporaryFolder } from "../support/folder.ts";

/** Nothing of what a training needs is there: no base model, no trainer. */
function train(adaptersDir: string, scope: "own" | "all") {
  const nowhere = path.join(temporaryFolder(), "nowhere");
  return prepareRun({
    folder: path.join(adaptersDir, "support"),
    promptsDir,
    trainerDir: nowhere,
    runFolder: nowhere,
    cacheDir: nowhere,
    base: { name: "none", path: nowhere, sha256: "0".repeat(64) },
    config: { ...defaultTrainConfig, scope, replay: 0.5 },
    engine: () => Promise.reject(new Error("nothing is replayed before the data are checked")),
    onLine: () => undefined,
  });
}

const fileOf = (adaptersDir: string, id: string, name: string) => path.join(adaptersDir, id, "dataset", name);
const heldOutRow = (adaptersDir: string): Conversation =>
  JSON.parse(fs.readFileSync(fileOf(adaptersDir, "support", "heldout.jsonl"), "utf8").split("\n")[0] ?? "");
const learn = (adaptersDir: string, id: string, row: Conversation) =>
  fs.appendFileSync(fileOf(adaptersDir, id, "train.jsonl"), `${JSON.stringify({ ...row, id: "leaked" })}\n`);

describe("a training is refused, with file, line and id of both, before anything is started, for", () => {
  it("a row that asks what a held-out one asks", async () => {
    const adaptersDir = smallDomains(["support"], { train: 4, heldOut: 2 });
    const { id, messages } = heldOutRow(adaptersDir);
    const shouted = messages.map(({ role, content }) => ({
      role,
      content: role === "user" ? `${content.toUpperCase()}!!` : "Another answer altogether.",
    }));
    learn(adaptersDir, "support", { id, messages: shouted });
    await expect(train(adaptersDir, "own")).rejects.toMatchObject({
      code: "data-invalid",
      message: `${fileOf(adaptersDir, "support", "train.jsonl")} line 5 (leaked) asks the same as ${fileOf(adaptersDir, "support", "heldout.jsonl")} line 1 (${id}), which is held out.`,
    });
  });

  it("a row that says nearly what a held-out one says, in another domain that is learnt from too", async () => {
    const adaptersDir = smallDomains(["health", "support"], { train: 4, heldOut: 2 });
    const { id, messages } = heldOutRow(adaptersDir);
    const nearly = messages.map(({ role, content }) => ({ role, content: `Well, ${content}` }));
    learn(adaptersDir, "health", { id, messages: nearly });
    await expect(train(adaptersDir, "all")).rejects.toMatchObject({
      code: "data-invalid",
      message: expect.stringContaining(
        `${fileOf(adaptersDir, "health", "train.jsonl")} line 5 (leaked) is nearly the same as ${fileOf(adaptersDir, "support", "heldout.jsonl")} line 1 (${id})`,
      ),
    });
    // Where the other domain is not learnt from there is nothing to refuse, and the next step is reached.
    await expect(train(adaptersDir, "own")).rejects.toThrow(/general turns to replay/);
  });
});
