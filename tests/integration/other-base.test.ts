import path from "node:path";
import { describe, expect, it } from "vitest";
import type { AdapterSummary } from "../../client/sdk/index.ts";
import type { Health } from "../../server/protocol/index.ts";
import { adaptersFolder, addVersion, editManifest, shippedVersion } from "../support/adapters.ts";
import { cli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { otherModel } from "../support/other-model.ts";
import { newPerson, startServer } from "../support/server.ts";
import { ask, converse, WHOLE } from "../support/talk.ts";
import { typed } from "../support/terminal.ts";

describe("a base model that no adapter was trained for", () => {
  it("answers under the expert's prompt alone and says so, until a version for it is there", async () => {
    const model = await otherModel();
    const adaptersDir = adaptersFolder(["health", "support"]);
    const { url } = await startServer({ adaptersDir, model: model.path });
    const train = `npx patchbay adapters train support --model ${model.path}`;
    const health = async () =>
      (await (await fetch(`${url}/health`)).json()) as Extract<Health, { status: "ready" }>;
    expect((await health()).adapters[1]).toEqual({
      id: "support",
      title: "Support",
      version: null,
      sha256: null,
      train,
    });

    const client = await newPerson(url);
    const open = await converse(client);
    expect(await ask(open, "I was charged twice, how do I get my money back?")).toMatchObject({
      expert: { id: "support", version: null, sha256: null },
      decision: { domain: "support", pinned: false },
      text: expect.stringMatching(/\w{3,}/),
      error: null,
    });
    // The follow-up stays with the expert, prompt or not.
    expect((await ask(open, "yes please")).expert?.id).toBe("support");

    const env = { PATCHBAY_URL: url, PATCHBAY_CACHE: temporaryFolder() };
    const said = await cli(["chat", "Where is my parcel? It should have come on Monday.", "--json"], env);
    expect(JSON.parse(said.stdout)).toMatchObject({ adapter: "support", version: null, promptAlone: true });
    expect(said.stderr).toContain(`prompt alone. Train one with: ${train}`);

    const shown = await typed(url, "I was charged twice for my order.\n/why\n/quit\n");
    expect(shown).toMatch(/Support · \d+% · prompt alone/);
    expect(shown).toContain(`Train one with: ${train}`);

    const heard = new Promise<AdapterSummary[]>((resolve) => void client.onAdapters(resolve));
    addVersion(path.join(adaptersDir, "support"), model);
    expect((await heard).map(({ id, version, train }) => [id, version, train === null])).toEqual([
      ["health", null, false],
      ["support", shippedVersion("support", 1), true],
    ]);
    const answer = await ask(open, "I want to send the shoes back.", "support");
    expect(answer).toMatchObject({ expert: { version: shippedVersion("support", 1) }, error: null });
    expect(answer.status).toEqual(WHOLE);
    open.close();
  }, 120_000);
});

describe("adapters list", () => {
  it("shows for each base model what would serve on it, and the command for what is missing", async () => {
    const model = await otherModel();
    const adaptersDir = adaptersFolder(["health", "support"]);
    const added = addVersion(path.join(adaptersDir, "support"), model);
    editManifest(path.join(adaptersDir, "support"), { current: [added - 1, added] });
    const env = { PATCHBAY_ADAPTERS: adaptersDir, PATCHBAY_CACHE: temporaryFolder() };
    const list = async (...args: string[]) =>
      JSON.parse((await cli(["adapters", "list", "--json", ...args], env)).stdout);
    expect(await list()).toMatchObject([
      { version: shippedVersion("health"), otherBases: [] },
      {
        version: shippedVersion("support"),
        otherBases: [{ version: shippedVersion("support", 1), base: { name: model.name } }],
      },
    ]);
    expect(await list("--model", model.path)).toMatchObject([
      {
        version: null,
        base: { name: model.name, sha256: model.sha256 },
        train: `npx patchbay adapters train health --model ${model.path}`,
      },
      { version: shippedVersion("support", 1), base: { sha256: model.sha256 } },
    ]);
    const table = await cli(["adapters", "list", "--model", model.path], env);
    expect(table.stdout).toMatch(/health +prompt alone .*npx patchbay adapters train health --model/);
    expect(await list("--model", "hf:nobody/nothing/file.gguf")).toMatchObject({
      error: { code: "model-not-found", hint: expect.stringContaining("models fetch") },
    });
  });
});
