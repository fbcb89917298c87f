import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { bin, cli } from "../support/cli.ts";
import { smallDomains } from "../support/conversations.ts";
import { temporaryFolder } from "../support/folder.ts";

vi.setConfig({ testTimeout: 240_000 });

const SETTINGS = ["--max-steps", "4", "--tasks", "answers"];

describe("a training that is stopped with Ctrl-C", () => {
  it("keeps its step, says how to go on, and ends there as if it had never been stopped", async () => {
    const adaptersDir = smallDomains(["support"], { train: 10, heldOut: 2 });
    const env = { PATCHBAY_ADAPTERS: adaptersDir, PATCHBAY_DATA: temporaryFolder() };
    const stopped = await stopAfter(/step 1 of 4/, ["adapters", "train", "support", ...SETTINGS], env);
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toContain("training-stopped");
    expect(stopped.stderr).toContain("Go on with: npx patchbay adapters train support --resume");
    expect(fs.existsSync(path.join(adaptersDir, "support", "versions"))).toBe(false);

    const runs = path.join(env.PATCHBAY_DATA, "training");
    const [name = ""] = fs.readdirSync(runs);
    const page = path.join(runs, name, "progress.html");
    expect(fs.readFileSync(page, "utf8")).toMatch(/Stopped after step [1-3], where it can go on/);
    // The settings are those of the run: none is given.
    const resumed = await cli(["adapters", "train", "support", "--resume", "--json"], env);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).toMatch(/going on after step [1-3]/);
    expect(fs.readdirSync(runs)).toEqual([name]);
    expect(fs.readFileSync(page, "utf8")).toMatch(/Finished: the held-out loss went from/);

    const unbroken = await cli(["adapters", "train", "support", ...SETTINGS, "--json"], {
      PATCHBAY_ADAPTERS: smallDomains(["support"], { train: 10, heldOut: 2 }),
      PATCHBAY_DATA: temporaryFolder(),
    });
    const [one, other] = [resumed, unbroken].map(({ stdout }) => JSON.parse(stdout));
    // The same weights to the last bit, and the same way there.
    expect(one.sha256).toBe(other.sha256);
    expect(one.lossCurve).toEqual(other.lossCurve);
    expect(one.heldOutLoss).toEqual(other.heldOutLoss);

    // As a process leaves it that dies when all is learnt and nothing is measured.
    const journal = path.join(runs, name, "events.jsonl");
    const lines = fs.readFileSync(journal, "utf8").split("\n");
    fs.writeFileSync(journal, lines.filter((line) => !line.includes('"finished"')).join("\n"));
    const published = await cli(["adapters", "train", "support", "--resume", "--json"], env);
    expect(published.code, published.stderr).toBe(0);
    expect(published.stderr).not.toContain("step ");
    expect(JSON.parse(published.stdout).sha256).toBe(one.sha256);

    const again = await cli(["adapters", "train", "support", "--resume", "--json"], env);
    expect(JSON.parse(again.stdout)).toMatchObject({
      error: { code: "bad-request", hint: "Start one with: npx patchbay adapters train support" },
    });
  });
});

describe("all domains", () => {
  it("are trained in turn for one base model, those after one that fails too, with the progress of all", async () => {
    const adaptersDir = smallDomains(["education", "health", "support"], { train: 4, heldOut: 1 });
    fs.appendFileSync(path.join(adaptersDir, "health", "dataset", "train.jsonl"), "not a row\n");
    const env = { PATCHBAY_ADAPTERS: adaptersDir, PATCHBAY_DATA: temporaryFolder() };
    const flags = ["--max-steps", "1", "--tasks", "answers", "--json"];
    const { code, stdout, stderr } = await cli(["adapters", "train", "--all", ...flags], env);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      trained: [
        { id: "education", card: { ordinal: 1 } },
        { id: "support", card: { ordinal: 1 } },
      ],
      failed: [{ id: "health", error: { code: "data-invalid" } }],
    });
    expect(stderr).toMatch(/1 of 3, education: step 1 of 1, .* 33%/);
    expect(stderr).toMatch(/3 of 3, support: step 1 of 1, .* 100%/);
  });

  it.each([
    [["--all", "support"], "name one adapter"],
    [[], "name one adapter"],
    [["--all", "--resume"], "--resume needs the adapter"],
  ])("need %j to be right", async (args, hint) => {
    const { code, stderr } = await cli(["adapters", "train", ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(hint);
  });
});

/** Runs the command, and sends it what Ctrl-C sends as soon as it has said this. */
function stopAfter(said: RegExp, args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { ...process.env, PATCHBAY_GPU: "off", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  return new Promise<{ code: number | null; stderr: string }>((resolve, reject) => {
    let stderr = "";
    let sent = false;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (!sent && said.test(stderr)) sent = child.kill("SIGINT");
    });
    child.on("error", reject).on("close", (code) => resolve({ code, stderr }));
  });
}
