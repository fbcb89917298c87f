import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { packageRoot, readConfig } from "../../server/config.ts";
import { type ChatMessage, withPromptEncoder } from "../../server/engines/index.ts";
import { ktoRows } from "../../server/feedback/index.ts";
import { pythonEnvironment, readDataset, trainingRow, writeRunRows } from "../../server/learning/index.ts";
import { firstTurns } from "../../server/learning/label-task.ts";
import { type BaseModel, resolveModel } from "../../server/models/index.ts";
import { readManifest, readPrompt } from "../../server/registry/index.ts";
import { cli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { newPerson, startServer } from "../support/server.ts";
import { ask, converse } from "../support/talk.ts";

// PyTorch and the libraries around it take half a minute to be read from a cold disk.
vi.setConfig({ testTimeout: 180_000 });

const { adaptersDir, promptsDir, cacheDir } = readConfig(process.env);
const domains = ["support", "health", "education", "entertainment"];
const trainerDir = path.join(packageRoot, "adapters", "trainer");
const run = promisify(execFile);
let base: BaseModel;
let python: string;

beforeAll(async () => {
  base = await resolveModel(undefined, cacheDir, () => undefined);
  python = await pythonEnvironment(path.join(trainerDir, "requirements.txt"), cacheDir, () => undefined);
}, 900_000);

/** The base model's chat format, written out: https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct */
const chatMl = (messages: ChatMessage[]): string =>
  messages.map(({ role, content }) => `<|im_start|>${role}\n${content.trim()}<|im_end|>\n`).join("");

describe.each(domains)("the training rows of %s", (domain) => {
  const dataset = readDataset(path.join(adaptersDir, domain, "dataset"));
  const rows = [...dataset.train, ...dataset.heldOut];
  const prompt = readPrompt(promptsDir, `${domain}.md`).text;

  it("are enough: 120 conversations, a tenth of them with several turns", () => {
    expect(rows.length).toBeGreaterThanOrEqual(120);
    expect(rows.filter((row) => row.messages.length > 2).length).toBeGreaterThanOrEqual(rows.length / 10);
  });

  it("are in text and token ids exactly what is served, every one of them", async () => {
    await withPromptEncoder(base.path, (encoder) => {
      for (const row of rows) {
        const { input_ids, completion_mask, messages } = trainingRow(encoder, prompt, row);
        expect(encoder.decode(input_ids), row.id).toBe(chatMl(messages).trimEnd());
        messages.forEach((message, index) => {
          if (message.role !== "assistant") return;
          // What the engine evaluates before this answer, and then the answer itself.
          const served = encoder.prompt(messages.slice(0, index));
          expect(input_ids.slice(0, served.length), row.id).toEqual(served);
          const answer = encoder.decode(input_ids.slice(served.length));
          expect(answer.startsWith(`${message.content.trim()}<|im_end|>`), row.id).toBe(true);
          expect(completion_mask[served.length - 1], row.id).toBe(0);
          expect(completion_mask[served.length], row.id).toBe(1);
        });
      }
    });
  });
});

describe("the training rows of all domains", () => {
  it("are what transformers makes of the model's own chat template", async () => {
    const folders: string[] = [];
    let rows = 0;
    for (const domain of domains) {
      const dataset = readDataset(path.join(adaptersDir, domain, "dataset"));
      const folder = temporaryFolder();
      const { labelTask } = readManifest(path.join(adaptersDir, domain));
      const systemPrompt = readPrompt(promptsDir, `${domain}.md`).text;
      await writeRunRows(base.path, folder, {
        train: [
          {
            systemPrompt,
            rows: dataset.train,
            labels: labelTask && { task: labelTask, turns: firstTurns(labelTask, dataset.train) },
          },
        ],
        heldOut: { systemPrompt, rows: dataset.heldOut },
      });
      fs.writeFileSync(path.join(folder, "run.json"), JSON.stringify(runJson(domain)));
      folders.push(folder);
      // Each row to train on comes twice: its answers, and its label.
      rows += 2 * dataset.train.length + dataset.heldOut.length;
    }
    const { stdout } = await run(python, [path.join(trainerDir, "verify_tokens.py"), ...folders]);
    expect(JSON.parse(stdout)).toEqual({ rows, equal: rows, different: [] });
  });
});

function runJson(adapter: string) {
  const sha256 = "0".repeat(64);
  const config = {
    seed: 1,
    rank: 8,
    alpha: 16,
    learningRate: 1e-3,
    epochs: 1,
    batchSize: 4,
    maxSteps: 2,
    maxTokens: null,
    curriculum: "shuffled",
    checkpointEverySteps: null,
    device: "cpu",
    threads: null,
  };
  return { runId: "test", adapter, base, data: { sha256 }, prompt: { sha256 }, config, configSha256: sha256 };
}

describe("the trainer's own tests", () => {
  it("pass", async () => {
    const { stderr } = await run(python, ["-m", "unittest", "test_trainer"], { cwd: trainerDir });
    expect(stderr).toMatch(/Ran [1-9]\d* tests[\s\S]*OK/);
  });
});

describe("adapters train", () => {
  it("trains for real, publishes a version, and the server answers with it", async () => {
    const adapters = path.join(temporaryFolder(), "adapters");
    fs.mkdirSync(path.join(adapters, "support", "dataset"), { recursive: true });
    const manifest = JSON.parse(fs.readFileSync(path.join(adaptersDir, "support", "adapter.json"), "utf8"));
    fs.writeFileSync(
      path.join(adapters, "support", "adapter.json"),
      JSON.stringify({ ...manifest, current: null }),
    );
    for (const [name, count] of [
      ["train.jsonl", 12],
      ["heldout.jsonl", 4],
    ] as const) {
      const lines = fs.readFileSync(path.join(adaptersDir, "support", "dataset", name), "utf8").split("\n");
      fs.writeFileSync(path.join(adapters, "support", "dataset", name), lines.slice(0, count).join("\n"));
    }
    const env = { PATCHBAY_ADAPTERS: adapters, PATCHBAY_DATA: temporaryFolder() };
    const trained = await cli(["adapters", "train", "support", "--max-steps", "4", "--json"], env);
    expect(trained.code, trained.stderr).toBe(0);
    const card = JSON.parse(trained.stdout);
    expect(card).toMatchObject({
      ordinal: 1,
      base: { sha256: base.sha256 },
      // Each conversation's answers, and its label.
      trainRows: 24,
      heldOutRows: 4,
      steps: 4,
      tokenCheck: { rows: 28, equal: 28 },
      parity: { rows: 4 },
      trainer: { device: "cpu", dtype: expect.stringMatching(/^(float32|bfloat16)$/) },
    });
    expect(card.parity.sameTop).toBeGreaterThan(0.9);
    expect(card.parity.sameClearTop).toBeGreaterThan(0.98);
    expect(card.parity.meanDifference).toBeLessThan(0.1);
    expect(card.heldOutLoss.adapter).toBeLessThan(card.heldOutLoss.base);
    const { url } = await startServer({ adaptersDir: adapters });
    const open = await converse(await newPerson(url));
    expect(await ask(open, "I want my money back", "support")).toMatchObject({
      expert: { version: "support@1", sha256: card.sha256 },
      status: expect.stringMatching(/complete|cut-off/),
    });
    open.close();
  });

  it("refuses malformed data and says which line", async () => {
    const adapters = path.join(temporaryFolder(), "adapters");
    fs.cpSync(path.join(adaptersDir, "support"), path.join(adapters, "support"), { recursive: true });
    fs.appendFileSync(
      path.join(adapters, "support", "dataset", "train.jsonl"),
      '{"id": "x", "messages": []}\n',
    );
    const { code, stdout } = await cli(["adapters", "train", "support", "--json"], {
      PATCHBAY_ADAPTERS: adapters,
    });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: "data-invalid", message: expect.stringMatching(/train\.jsonl line \d+/) },
    });
  });
});

describe("exported votes", () => {
  it("are loaded by TRL's KTO trainer, which takes a step on them", async () => {
    const folder = temporaryFolder();
    const rows = ["Where is my parcel?", "I want a refund", "My code fails", "Cancel it"].flatMap(
      (content, index) =>
        ktoRows(
          {
            messages: [
              { role: "system", content: "Be brief." },
              { role: "user", content },
            ],
            answer: `Answer ${index}.`,
          },
          index % 2 === 0 ? 1 : -1,
          "",
        ),
    );
    const file = path.join(folder, "votes.jsonl");
    fs.writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const script = path.join(packageRoot, "tests", "integration", "load_kto.py");
    const { stdout } = await run(python, [script, base.path, file, folder]);
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({
      rows: 4,
      steps: 1,
      loss: expect.any(Number),
    });
  });
});
