import path from "node:path";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../../db/index.ts";
import { exportKto, type KtoRow, Snapshot } from "../../server/feedback/index.ts";
import { temporaryFolder } from "../support/folder.ts";
import { newPerson, startServer } from "../support/server.ts";
import { ask, askAndSeeStart, converse, LONG_QUESTION } from "../support/talk.ts";

async function exported(dataDir: string, adapter?: string): Promise<KtoRow[]> {
  const db = await openDatabase(path.join(dataDir, "patchbay.sqlite"));
  const rows: KtoRow[] = [];
  for await (const row of exportKto(db, adapter)) rows.push(row);
  await db.destroy();
  return rows;
}

describe("a vote", () => {
  it("is saved by one click, can be changed and taken back, and is one for each person and answer", async () => {
    const dataDir = temporaryFolder();
    const { url } = await startServer({ dataDir });
    const client = await newPerson(url);
    const open = await converse(client);
    const answer = await ask(open, "I was charged twice, how do I get my money back?");
    await open.vote(answer.id, { value: 1 });
    expect((await exported(dataDir)).map((row) => row.label)).toEqual([true]);
    await open.vote(answer.id, {
      value: -1,
      reasons: ["wrong"],
      comment: "No",
      correction: "Write to us, we send it back.",
    });
    const rows = await exported(dataDir);
    expect(rows.map((row) => row.label)).toEqual([false, true]);
    expect(rows[0]?.prompt.at(-1)).toEqual({
      role: "user",
      content: "I was charged twice, how do I get my money back?",
    });
    expect(rows[0]?.prompt[0]?.role).toBe("system");
    expect(rows[0]?.completion).toEqual([{ role: "assistant", content: answer.text }]);
    expect(rows[1]?.completion[0]?.content).toBe("Write to us, we send it back.");
    expect(await exported(dataDir, "health")).toEqual([]);
    expect(await exported(dataDir, "support")).toHaveLength(2);
    await open.retractVote(answer.id);
    expect(await exported(dataDir)).toEqual([]);
    const { messages } = await client.call("conversation:open", { conversationId: open.id });
    expect(messages.at(-1)).toMatchObject({ vote: null });
    open.close();
  });

  it("keeps what was seen, unchangeable: prompt, adapter's hash, decision, sampling and seed", async () => {
    const dataDir = temporaryFolder();
    const { url } = await startServer({ dataDir });
    const open = await converse(await newPerson(url));
    const answer = await ask(open, "I was charged twice, how do I get my money back?");
    await open.vote(answer.id, { value: 1 });
    const db = await openDatabase(path.join(dataDir, "patchbay.sqlite"));
    const row = await db.selectFrom("snapshots").selectAll().executeTakeFirstOrThrow();
    const snapshot = Snapshot.parse(JSON.parse(row.payload_json));
    expect(snapshot).toMatchObject({
      answer: answer.text,
      expert: answer.expert,
      decision: { domain: "support" },
      seed: expect.any(Number),
    });
    expect(snapshot.sampling.temperature).toBeGreaterThan(0);
    await expect(db.updateTable("snapshots").set({ payload_json: "{}" }).execute()).rejects.toThrow(
      /immutable/,
    );
    await open.retractVote(answer.id);
    await open.vote(answer.id, { value: -1 });
    expect(await db.selectFrom("snapshots").select("sha256").execute()).toEqual([{ sha256: row.sha256 }]);
    await db.destroy();
    open.close();
  });

  it("waits until the answer is there", async () => {
    const { url } = await startServer();
    const client = await newPerson(url);
    const open = await converse(client);
    const started = await askAndSeeStart(open, LONG_QUESTION, "base");
    await expect(open.vote(started.id, { value: 1 })).rejects.toMatchObject({ code: "conflict" });
    await open.stop(started.generationId);
    open.close();
  });

  it("leaves with its conversation", async () => {
    const dataDir = temporaryFolder();
    const { url } = await startServer({ dataDir });
    const client = await newPerson(url);
    const open = await converse(client);
    const answer = await ask(open, "Recommend me a book");
    await open.vote(answer.id, { value: 1 });
    open.close();
    await client.call("conversation:delete", { conversationId: open.id });
    expect(await exported(dataDir)).toEqual([]);
  });
});
