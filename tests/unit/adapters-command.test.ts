import fs from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { afterEach, describe, expect, it, vi } from "vitest";
import { addAdapters } from "../../server/cli/adapters.ts";
import { adaptersFolder } from "../support/adapters.ts";
import { temporaryFolder } from "../support/folder.ts";

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const fixture = (name: string) => path.resolve("tests", "fixtures", name);
const rows = fs.readFileSync(fixture("gardening.jsonl"), "utf8");

async function adapters(...args: string[]): Promise<{ out: string; notes: string }> {
  const printed = { out: "", notes: "" };
  const collect = (to: "out" | "notes") => (text: unknown) => {
    printed[to] += text;
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(collect("out"));
  vi.spyOn(process.stderr, "write").mockImplementation(collect("notes"));
  const program = new Command();
  addAdapters(program);
  await program.parseAsync(["adapters", ...args], { from: "user" });
  return printed;
}

describe("adapters new", () => {
  it("warns of what verify would find in what it made, and is done all the same", async () => {
    vi.stubEnv("PATCHBAY_ADAPTERS", temporaryFolder());
    vi.stubEnv("PATCHBAY_PROMPTS", temporaryFolder());
    const twice = path.join(temporaryFolder(), "twice.jsonl");
    fs.writeFileSync(twice, rows + rows);
    const data = ["--data", twice, "--data", fixture("gardening.csv")];
    const { out, notes } = await adapters("new", "gardening", ...data);
    expect(out).toContain("Next: npx patchbay adapters verify gardening");
    expect(notes).toMatch(/^warning: \d+\.\d% of the rows are near-duplicates of others\.$/m);
    expect(process.exitCode ?? 0).toBe(0);
    const { problems } = JSON.parse((await adapters("new", "again", ...data, "--json")).out);
    expect(problems).toContainEqual(expect.stringContaining("near-duplicates"));
  });
});

describe("adapters eval --data", () => {
  it("stops at a row that is no conversation, unless it is to be skipped", async () => {
    vi.stubEnv("PATCHBAY_ADAPTERS", adaptersFolder(["support"]));
    const data = path.join(temporaryFolder(), "asked.jsonl");
    fs.writeFileSync(data, `${rows}nonsense\n`);
    const evaluate = (...flags: string[]) =>
      adapters("eval", "support", "--data", data, "--model", "/nowhere.gguf", ...flags);
    await expect(evaluate()).rejects.toMatchObject({
      code: "data-invalid",
      hint: expect.stringContaining("--skip-refused"),
    });
    // What it needs next is the model.
    await expect(evaluate("--skip-refused")).rejects.toMatchObject({ code: "model-not-found" });
  });
});
