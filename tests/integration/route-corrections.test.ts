import path from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type Answer, OpenConversation, type PatchbayClient } from "../../client/sdk/index.ts";
import { listRouteCorrections, openDatabase } from "../../db/index.ts";
import type { Health } from "../../server/protocol/index.ts";
import { cli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { connectAs, newPerson, serverForAll, startServer, visit } from "../support/server.ts";
import { ask, askShortly, converse } from "../support/talk.ts";

// The router learns beside the model, on two cores.
vi.setConfig({ testTimeout: 180_000 });

const POOL = "when does the swimming pool open today?";

const server = serverForAll();

const correctionIn = (open: OpenConversation, answer: Answer) => {
  const question = open.snapshot()?.messages.get(answer.parentId ?? "");
  return question?.role === "user" ? question.routeCorrection : undefined;
};

describe("a correction", () => {
  it("is one for each person and question, seen in other tabs and after a reload, changed and taken back", async () => {
    const { url } = server();
    const cookie = await visit(url);
    const [here, there] = [await connectAs(url, cookie), await connectAs(url, cookie)];
    const open = await converse(here);
    const answer = await ask(open, POOL);
    const other = new OpenConversation(there, open.id);
    await other.load();
    expect(correctionIn(open, answer)).toBeNull();
    await open.correctRoute(answer.id, "support");
    expect(correctionIn(open, answer)).toMatchObject({ expert: "support", setAside: false });
    await expect.poll(() => correctionIn(other, answer)?.expert).toBe("support");
    // Said of another answer to it, it is of the same question.
    const again = await open.regenerate(answer.id, "support");
    await open.follow(again.id, () => undefined);
    await open.correctRoute(again.id, "base");
    await expect.poll(() => correctionIn(other, answer)?.expert).toBe("base");
    await other.load();
    expect(correctionIn(other, answer)?.expert).toBe("base");
    await open.retractRoute(answer.id);
    await expect.poll(() => correctionIn(other, answer)).toBeNull();
    open.close();
    other.close();
  });

  it("is one's own, and of an expert that is there", async () => {
    const { url } = server();
    const [owner, stranger] = [await newPerson(url), await newPerson(url)];
    const open = await converse(owner);
    const answer = await ask(open, "Hello");
    const correct = (client: PatchbayClient, messageId: string, expert: string) =>
      client.call("route:correct", { messageId, expert });
    await expect(correct(stranger, answer.id, "health")).rejects.toMatchObject({ code: "not-found" });
    await expect(stranger.call("route:retract", { messageId: answer.id })).rejects.toMatchObject({
      code: "not-found",
    });
    await expect(correct(owner, answer.parentId ?? "", "health")).rejects.toMatchObject({
      code: "not-found",
    });
    await expect(correct(owner, answer.id, "astrology")).rejects.toMatchObject({ code: "adapter-unknown" });
    await expect(correct(owner, answer.id, "../../etc")).rejects.toMatchObject({ code: "bad-request" });
    expect(correctionIn(open, answer)).toBeNull();
    open.close();
  });

  it("comes over HTTP too, for completions and for answers on the page", async () => {
    const { url } = server();
    const post = async (address: string, body: object) => {
      const response = await fetch(`${url}/v1/${address}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    };
    const completion = await post("chat/completions", {
      model: "auto",
      max_tokens: 4,
      messages: [
        { role: "user", content: "I was charged twice" },
        { role: "assistant", content: "I am sorry." },
        { role: "user", content: POOL },
      ],
    });
    const { id } = completion.body as { id: string };
    const correct = (body: object) => post("route-corrections", { completion_id: id, ...body });
    expect(await correct({ expert: "support" })).toMatchObject({
      status: 200,
      body: { object: "route_correction", correction: { expert: "support" } },
    });
    expect(await correct({ expert: "auto" })).toMatchObject({ status: 200, body: { correction: null } });
    expect(await correct({ expert: "astrology" })).toMatchObject({ status: 404 });
    expect(await correct({})).toMatchObject({ status: 400 });
    expect(await correct({ expert: "support", index: 3 })).toMatchObject({ status: 404 });
    expect(await post("route-corrections", { expert: "support" })).toMatchObject({ status: 400 });
    // An answer of somebody else.
    const open = await converse(await newPerson(url));
    const { id: message_id } = await ask(open, "Hello");
    expect(await post("route-corrections", { message_id, expert: "support" })).toMatchObject({ status: 404 });
    open.close();
  });
});

describe("what people correct", () => {
  it("is learnt beside the answers, survives a restart, can be rolled back, and stays so", async () => {
    const dataDir = temporaryFolder();
    const patchbay = await startServer({ dataDir });
    const { url } = patchbay;
    const cookie = await visit(url);
    const client = await connectAs(url, cookie);
    const router = async (at = url) => {
      const health = (await (await fetch(`${at}/health`)).json()) as Extract<Health, { status: "ready" }>;
      return health.router;
    };
    const before = await router();
    expect(before.name).toBe("router@1");
    const open = await converse(client);
    const answer = await ask(open, POOL);
    expect(answer.expert?.id).toBe("base");
    await open.correctRoute(answer.id, "support");
    open.close();
    await expect.poll(async () => (await router()).name, { timeout: 90_000, interval: 500 }).toBe("router@2");
    expect((await router()).version).not.toBe(before.version);
    expect((await askShortly(client, POOL)).expert?.id).toBe("support");
    expect((await askShortly(client, "What time does the swimming pool open?")).expert?.id).toBe("support");
    expect((await askShortly(client, "I have a headache and a fever")).expert?.id).toBe("health");

    // What the turn was is kept with it.
    const db = await openDatabase(path.join(dataDir, "patchbay.sqlite"));
    onTestFinished(() => db.destroy());
    expect(await listRouteCorrections(db)).toMatchObject([
      { expert: "support", turn: { text: POOL, before: null } },
    ]);

    await patchbay.close();
    const restarted = await startServer({ dataDir });
    expect((await router(restarted.url)).name).toBe("router@2");
    const again = await connectAs(restarted.url, cookie);
    expect((await askShortly(again, POOL)).expert?.id).toBe("support");

    const env = { PATCHBAY_DATA: dataDir };
    const listed = JSON.parse((await cli(["router", "heads", "--json"], env)).stdout);
    expect(listed).toMatchObject([
      { name: "router@1", status: "retired", gate: null },
      { name: "router@2", status: "live", parent: "router@1", texts: 1, gate: { passed: true } },
    ]);
    expect((await cli(["router", "heads"], env)).stdout).toMatch(/router@2 .* live /);
    expect((await cli(["router", "rollback", "nonsense"], env)).code).toBe(2);
    const undone = await cli(["router", "rollback", "--json"], env);
    expect(JSON.parse(undone.stdout)).toEqual({ from: "router@2", to: "router@1", setAside: 1 });
    await expect
      .poll(async () => (await router(restarted.url)).name, { timeout: 60_000, interval: 300 })
      .toBe("router@1");
    expect((await router(restarted.url)).version).toBe(before.version);
    expect((await askShortly(again, POOL)).expert?.id).toBe("base");
    const { conversations } = await again.call("conversation:list", {});
    const first = conversations.at(-1)?.id ?? "";
    const { messages } = await again.call("conversation:open", { conversationId: first });
    expect(messages.find(({ role }) => role === "user")).toMatchObject({
      routeCorrection: { expert: "support", setAside: true },
    });
    // With its conversation, a correction goes.
    await again.call("conversation:delete", { conversationId: first });
    expect(await db.selectFrom("route_corrections").select("id").execute()).toEqual([]);
    expect((await router(restarted.url)).name).toBe("router@1");
  });
});
