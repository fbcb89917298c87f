import fs from "node:fs";
import path from "node:path";
import { expect, it, vi } from "vitest";
import { readConfig } from "../../server/config.ts";
import { ArmResult } from "../../server/learning/ablation/arm-result.ts";
import { cli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";

// Three processes read PyTorch from the disk, and the first one may have to install it.
vi.setConfig({ testTimeout: 900_000 });

const { adaptersDir } = readConfig(process.env);

/** The support adapter with so few rows that an arm takes seconds. */
function smallAdapters(): string {
  const folder = temporaryFolder();
  fs.cpSync(path.join(adaptersDir, "support"), path.join(folder, "support"), {
    recursive: true,
    filter: (file) => !file.includes("versions") && !file.includes("ablation"),
  });
  const shorten = (name: string, to: string, rows: number) => {
    const lines = fs.readFileSync(path.join(adaptersDir, name), "utf8").split("\n").slice(0, rows);
    fs.mkdirSync(path.dirname(path.join(folder, to)), { recursive: true });
    fs.writeFileSync(path.join(folder, to), `${lines.join("\n")}\n`);
  };
  shorten("support/dataset/train.jsonl", "support/dataset/train.jsonl", 16);
  shorten("support/dataset/heldout.jsonl", "support/dataset/heldout.jsonl", 4);
  shorten("general/heldout.jsonl", "general/heldout.jsonl", 3);
  return folder;
}

it("ablates arm by arm, goes on where it was stopped, and writes a table with intervals", async () => {
  const adapters = smallAdapters();
  const kept = path.join(adapters, "support", "ablation");
  const ablate = (only: string) =>
    cli(["adapters", "ablate", "support", "--budget", "2500", "--only", only, "--json"], {
      PATCHBAY_ADAPTERS: adapters,
      PATCHBAY_DATA: path.join(adapters, "data"),
    });
  const armOf = (name: string) =>
    ArmResult.parse(JSON.parse(fs.readFileSync(path.join(kept, `${name}.json`), "utf8")));

  const first = await ablate("lr-1e-3");
  expect(first.code, first.stderr).toBe(0);
  expect(JSON.parse(first.stdout)).toEqual({ results: kept });
  const rate = fs.statSync(path.join(kept, "lr-1e-3.json")).mtimeMs;

  const second = await ablate("lr-1e-3,augment");
  expect(second.code, second.stderr).toBe(0);
  // The rate was there already.
  expect(fs.statSync(path.join(kept, "lr-1e-3.json")).mtimeMs).toBe(rate);
  for (const name of ["lr-1e-3", "augment"]) {
    const arm = armOf(name);
    expect(arm.tokensTrained).toBeGreaterThan(1000);
    expect(arm.tokensTrained).toBeLessThanOrEqual(2500);
    expect(arm.losses).toHaveLength(4);
    expect(arm.general).toHaveLength(3);
  }
  expect(armOf("base").config).toBeNull();
  expect(armOf("augment").config).toMatchObject({ augment: true, learningRate: 1e-3 });
  // A learning rate this high shows within a few steps.
  const total = (name: string) => armOf(name).losses.reduce((sum, { loss }) => sum + loss, 0);
  expect(total("lr-1e-3")).toBeLessThan(total("base"));

  const table = fs.readFileSync(path.join(kept, "README.md"), "utf8");
  expect(table).toMatch(/\*\*lr-1e-3\*\* \|.*−\d+\.\d% \[−/);
  expect(table).toMatch(/\| augment \|/);
});

it("names the arms to somebody who mistypes one, before anything is trained", async () => {
  const { code, stdout } = await cli(
    ["adapters", "ablate", "support", "--only", "lr-1e-3,augmnet", "--json"],
    {
      PATCHBAY_ADAPTERS: smallAdapters(),
    },
  );
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    error: {
      code: "bad-request",
      message: 'There is no arm "augmnet".',
      hint: expect.stringContaining("augment"),
    },
  });
});
