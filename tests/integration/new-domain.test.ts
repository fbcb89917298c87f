import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { AdapterSummary } from "../../client/sdk/index.ts";
import type { Health } from "../../server/protocol/index.ts";
import { readManifest } from "../../server/registry/index.ts";
import { adaptersFolder, dropIn, editManifest, promptsDir, shippedVersion } from "../support/adapters.ts";
import { cli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { newPerson, startServer } from "../support/server.ts";
import { ask, converse } from "../support/talk.ts";

const fixtures = path.resolve("tests", "fixtures");

describe("a new domain", () => {
  it("goes from somebody's conversations to an expert of a running server in one sitting", async () => {
    const home = temporaryFolder();
    const env = {
      PATCHBAY_ADAPTERS: adaptersFolder(["support"]),
      PATCHBAY_PROMPTS: path.join(home, "prompts"),
      PATCHBAY_DATA: path.join(home, "data"),
    };
    fs.cpSync(promptsDir, env.PATCHBAY_PROMPTS, { recursive: true });
    const patchbay = async (...args: string[]) => {
      const { code, stdout, stderr } = await cli(["adapters", ...args, "--json"], env);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout);
    };

    const data = ["gardening.jsonl", "gardening.csv"].flatMap((name) => [
      "--data",
      path.join(fixtures, name),
    ]);
    expect(await patchbay("new", "gardening", "--title", "Gardening", ...data)).toMatchObject({
      train: 21,
      heldOut: 5,
      labels: ["pests", "pruning", "soil", "watering"],
      refused: 0,
    });
    // Five held-out rows need not have all four labels, which is all that there is to mend.
    const verified = JSON.parse((await cli(["adapters", "verify", "gardening", "--json"], env)).stdout);
    expect(verified).toMatchObject({ train: 21, heldOut: 5, nearDuplicates: { rate: 0 } });
    for (const problem of verified.problems) expect(problem).toMatch(/^No held-out row has the label/);
    const card = await patchbay("train", "gardening", "--max-steps", "6");
    expect(card).toMatchObject({ ordinal: 1, trainRows: 42, heldOutRows: 5, steps: 6 });
    expect(card.heldOutLoss.adapter).toBeLessThan(card.heldOutLoss.base);

    const asked = path.join(home, "asked.jsonl");
    const rows = fs.readFileSync(path.join(fixtures, "gardening.jsonl"), "utf8").split("\n");
    fs.writeFileSync(asked, rows.slice(0, 3).join("\n"));
    const report = await patchbay("eval", "gardening", "--data", asked, "--out", home);
    expect(report).toMatchObject({ candidate: "gardening@1", against: "base", rows: 3 });
    expect(report.loss.candidate).toBeLessThan(report.loss.against);
    expect(report.wrongExperts).toMatchObject([{ version: shippedVersion("support") }]);
    const [wrong] = report.wrongExperts;
    expect(wrong.reduction).toBeCloseTo(1 - report.loss.candidate / wrong.loss, 6);
    expect(wrong.ci95[0]).toBeLessThan(wrong.ci95[1]);
    expect(fs.readFileSync(path.join(home, "report.html"), "utf8")).toContain("gardening@1");

    const adaptersDir = adaptersFolder(["health", "support"]);
    const { url } = await startServer({ adaptersDir, promptsDir: env.PATCHBAY_PROMPTS });
    const client = await newPerson(url);
    const before = await routerOf(url);
    const heard = new Promise<AdapterSummary[]>((resolve) => void client.onAdapters(resolve));
    // Six steps teach little: an answer that is drawn may be "No, no.".
    const folder = path.join(env.PATCHBAY_ADAPTERS, "gardening");
    editManifest(folder, { sampling: { ...readManifest(folder).sampling, temperature: 0 } });
    dropIn(folder, adaptersDir);
    expect((await heard).map(({ version }) => version)).toContain("gardening@1");
    await expect.poll(() => routerOf(url), { timeout: 30_000 }).not.toBe(before);
    const open = await converse(client);
    expect(
      await ask(open, "My roses have black spots on the leaves, do I cut them back in autumn?"),
    ).toMatchObject({
      expert: { id: "gardening", title: "Gardening", version: "gardening@1", sha256: card.sha256 },
      decision: { domain: "gardening", pinned: false },
      text: expect.stringMatching(/\w{3,}/),
      error: null,
    });
    open.close();
  }, 300_000);
});

async function routerOf(url: string): Promise<string> {
  const health = (await (await fetch(`${url}/health`)).json()) as Extract<Health, { status: "ready" }>;
  return health.router.version;
}
