import fs from "node:fs";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import type { AdapterSummary, Answer, OpenConversation, PatchbayClient } from "../../client/sdk/index.ts";
import type { Health } from "../../server/protocol/index.ts";
import {
  adaptersFolder,
  addVersion,
  dropIn,
  editManifest,
  newAdapter,
  shippedVersion,
} from "../support/adapters.ts";
import { newPerson, startServer } from "../support/server.ts";
import { ask, askAndSeeStart, converse, LONG_QUESTION, WHOLE } from "../support/talk.ts";

/** Words as they come: such an answer hardly ever ends before its limit, which leaves time to change adapters. */
const LONG_WINDED = {
  temperature: 2,
  topP: 1,
  topK: 0,
  minP: 0,
  repeatPenalty: 1,
  maxTokens: 250,
};

const LEGAL_QUESTIONS = [
  "Is a verbal contract legally binding?",
  "Can my landlord evict me without notice?",
  "What does the indemnity clause in this lease mean?",
  "How do I appeal a court judgment?",
  "My neighbour is suing me, do I need a lawyer?",
  "Who inherits if there is no will?",
  "What is the statute of limitations for a breach of contract?",
  "Can the landlord keep my deposit?",
  "How does an attorney get power of attorney notarised?",
  "Is this non-compete clause enforceable in court?",
];

/** A server over a folder of adapters, and somebody who is connected to it. */
async function serverOver(adaptersDir: string) {
  const log: string[] = [];
  const { url } = await startServer({ adaptersDir }, { log: (line) => log.push(line) });
  const client = await newPerson(url);
  const health = async () =>
    (await (await fetch(`${url}/health`)).json()) as Extract<Health, { status: "ready" }>;
  return { client, health, log, url };
}

/** The next list of adapters that the client hears of by itself. */
const nextAdapters = (client: PatchbayClient): Promise<(string | null)[]> =>
  new Promise((resolve) => {
    const off = client.onAdapters((adapters: AdapterSummary[]) => {
      off();
      resolve(adapters.map(({ version }) => version));
    });
  });

const ended = (open: OpenConversation, answer: Answer): Promise<Answer> =>
  open.when(answer.id, ({ status }) => status !== "streaming");

const statusNow = (open: OpenConversation, answer: Answer) => {
  const now = open.snapshot()?.messages.get(answer.id);
  return now?.role === "assistant" ? now.status : null;
};

/** It went on to its own end, with all that had been seen of it. */
function expectWhole(answer: Answer, started: Answer, version: string): void {
  expect(answer).toMatchObject({ expert: { version }, error: null });
  expect(answer.status).toEqual(WHOLE);
  expect(answer.text.startsWith(started.text)).toBe(true);
  expect(answer.text.length).toBeGreaterThan(started.text.length);
}

// Contexts are made and prompts read beside a stream that is never stopped: on two busy cores that takes its time.
vi.setConfig({ testTimeout: 120_000 });

describe("an adapter that is dropped in while an answer streams", () => {
  it("can be pinned at once and is routed to once the router has learnt it, and the stream goes on", async () => {
    const folder = adaptersFolder();
    editManifest(path.join(folder, "support"), { sampling: LONG_WINDED });
    const { client, health, log } = await serverOver(folder);
    const { version: routerBefore } = (await health()).router;
    const open = await converse(client);
    const other = await converse(client);
    const started = await askAndSeeStart(open, LONG_QUESTION, "support");

    const heard = nextAdapters(client);
    dropIn(newAdapter("legal", LEGAL_QUESTIONS), folder);
    expect(await heard).toContain("legal@1");
    expect(statusNow(open, started)).toBe("streaming");
    const pinned = await ask(other, "Hello there", "legal");
    expect(pinned).toMatchObject({ expert: { id: "legal", version: "legal@1" }, decision: { pinned: true } });
    expect(pinned.status).toEqual(WHOLE);
    expectWhole(await ended(open, started), started, shippedVersion("support"));

    expect((await health()).adapters.map(({ id }) => id)).toContain("legal");
    expect(log).toContain("legal@1 is plugged in");
    await expect
      .poll(async () => (await health()).router.version, { timeout: 20_000 })
      .not.toBe(routerBefore);
    expect(await ask(other, "Is a verbal contract legally binding in court?")).toMatchObject({
      expert: { id: "legal" },
      decision: { pinned: false },
    });
    open.close();
    other.close();
  });

  it("needs no examples: it answers whoever asks for it", async () => {
    const folder = adaptersFolder(["support"]);
    const { client } = await serverOver(folder);
    const heard = nextAdapters(client);
    dropIn(newAdapter("legal"), folder);
    await heard;
    const open = await converse(client);
    await client.call("conversation:pin", { conversationId: open.id, pinned: "legal" });
    expect((await ask(open, "Hello there")).expert?.id).toBe("legal");
    open.close();
  });
});

describe("an adapter that is swapped while an answer streams", () => {
  it("ends that answer as the old version and gives the next one as the new version, again and again", async () => {
    const folder = adaptersFolder(["health", "support"]);
    const support = path.join(folder, "support");
    editManifest(support, { sampling: LONG_WINDED });
    const { client, health, log } = await serverOver(folder);
    const open = await converse(client);
    for (const added of [0, 1]) {
      const [before, after] = [shippedVersion("support", added), shippedVersion("support", added + 1)];
      const started = await askAndSeeStart(open, LONG_QUESTION, "support");
      const heard = nextAdapters(client);
      addVersion(support);
      expect(await heard).toEqual([shippedVersion("health"), after]);
      expect(statusNow(open, started)).toBe("streaming");
      const other = await converse(client);
      const next = await askAndSeeStart(other, "Where is my parcel?", "support");
      expect(next.expert?.version).toBe(after);
      await other.stop(next.generationId);
      expectWhole(await ended(open, started), started, before);
      expect((await ended(other, next)).status).toBe("stopped");
      expect(log).toContain(`${after} takes the place of ${before}`);
      other.close();
    }
    expect((await health()).adapters.map(({ version }) => version)).toEqual([
      shippedVersion("health"),
      shippedVersion("support", 2),
    ]);
    open.close();
  });
});

describe("an adapter that is removed while an answer streams", () => {
  it("ends that answer well, is chosen no more, and leaves a conversation pinned to it to the router", async () => {
    const folder = adaptersFolder();
    editManifest(path.join(folder, "support"), { sampling: LONG_WINDED });
    const { client, health, log } = await serverOver(folder);
    const open = await converse(client);
    await client.call("conversation:pin", { conversationId: open.id, pinned: "support" });
    const started = await askAndSeeStart(open, LONG_QUESTION);

    const heard = nextAdapters(client);
    fs.rmSync(path.join(folder, "support"), { recursive: true });
    expect(await heard).toEqual(["education", "entertainment", "health"].map((id) => shippedVersion(id)));
    expect(statusNow(open, started)).toBe("streaming");
    const other = await converse(client);
    const refund = await ask(other, "I was charged twice, how do I get my money back?");
    expect(refund.expert?.id).not.toBe("support");
    expect(refund.status).toEqual(WHOLE);
    await expect(ask(other, "Hello", "support")).rejects.toMatchObject({ code: "adapter-unknown" });
    expectWhole(await ended(open, started), started, shippedVersion("support"));

    expect((await health()).adapters.map(({ id }) => id)).not.toContain("support");
    expect(log).toContain(`${shippedVersion("support")} is unplugged`);
    expect(await ask(open, "I have a sore throat and a fever, what can I do?")).toMatchObject({
      expert: { id: "health" },
      decision: { pinned: false },
    });
    open.close();
    other.close();
  });
});

describe("a broken folder", () => {
  it("is reported and ignored, and plugged in once it is put right", async () => {
    const folder = adaptersFolder(["health", "support"]);
    const { client, health, log } = await serverOver(folder);
    const rejected = async () => (await health()).rejected.map(({ id, code }) => `${id} ${code}`);
    const [damaged, unreadable] = ["damaged", "unreadable"].map((id) => dropIn(newAdapter(id), folder));
    const versions = path.join(damaged as string, "versions");
    for (const name of fs.readdirSync(versions))
      if (name.endsWith(".gguf")) fs.truncateSync(path.join(versions, name), 100_000);
    fs.writeFileSync(path.join(unreadable as string, "dataset", "router.jsonl"), "{");
    await expect
      .poll(rejected, { timeout: 10_000 })
      .toEqual(["damaged adapter-hash-mismatch", "unreadable data-invalid"]);
    expect((await health()).adapters.map(({ id }) => id)).toEqual(["health", "support"]);
    expect(log.filter((line) => line.startsWith("adapter damaged is left out"))).not.toEqual([]);
    const open = await converse(client);
    expect((await ask(open, "I want a refund for my broken phone")).expert?.id).toBe("support");

    const heard = nextAdapters(client);
    fs.writeFileSync(path.join(unreadable as string, "dataset", "router.jsonl"), "");
    expect(await heard).toContain("unreadable@1");
    expect(await rejected()).toEqual(["damaged adapter-hash-mismatch"]);
    open.close();
  });
});
