import path from "node:path";
import SqliteDatabase from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type Database,
  insertAnswer,
  insertConversation,
  insertQuestion,
  insertUser,
  isFull,
  listEvents,
  type OpenOptions,
  openDatabase,
} from "../../db/index.ts";
import { EventLog } from "../../server/chat/index.ts";
import type { Answer, Question, TurnEvent } from "../../server/protocol/index.ts";
import { temporaryFolder } from "../support/folder.ts";

const NOW = "2026-01-01T00:00:00.000Z";
const delta = (text: string): TurnEvent => ({ type: "delta", text });
const textOf = (events: readonly { event: TurnEvent }[]): string =>
  events.map(({ event }) => (event.type === "delta" ? event.text : "")).join("");

/** Answers g0, g1, … to one question, each with an open log. */
async function writing(
  count: number,
  options: OpenOptions = {},
): Promise<{ file: string; db: Database; log: EventLog }> {
  const file = path.join(temporaryFolder(), "patchbay.sqlite");
  const db = await openDatabase(file, options);
  onTestFinished(() => db.destroy());
  await insertUser(db, { id: "u", now: NOW });
  await insertConversation(db, "u", { id: "c", title: "", pinned: null }, NOW);
  const question = {
    id: "q",
    conversationId: "c",
    parentId: null,
    text: "?",
    clientId: null,
    createdAt: NOW,
  };
  await insertQuestion(db, question as Question);
  const log = new EventLog(db);
  for (let at = 0; at < count; at++) {
    const answer = {
      id: `a${at}`,
      conversationId: "c",
      parentId: "q",
      createdAt: NOW,
      generationId: `g${at}`,
    };
    await insertAnswer(db, answer as Answer, "auto");
    log.begin(`g${at}`);
  }
  return { file, db, log };
}

describe("the event log", () => {
  it("keeps each answer's events in order while many are written at once, and tells of none before it is stored", async () => {
    const { file, db, log } = await writing(8);
    const another = new SqliteDatabase(file, { readonly: true });
    onTestFinished(() => void another.close());
    const isStored = another.prepare("SELECT 1 FROM generation_events WHERE generation_id = ? AND seq = ?");
    const words = ["one ", "two ", "three ", "four ", "five"];
    const early: string[] = [];
    for (let at = 0; at < 8; at++)
      await log.subscribe(`g${at}`, 0, ({ generationId, seq }) => {
        if (!isStored.get(generationId, seq)) early.push(`${generationId} ${seq}`);
      });
    const write = async (id: string) => {
      for (const word of words) await log.append(id, delta(word));
    };
    await Promise.all(Array.from({ length: 8 }, (_, at) => write(`g${at}`)));
    for (let at = 0; at < 8; at++) {
      const stored = await listEvents(db, `g${at}`, 0);
      expect(stored.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
      expect(textOf(stored)).toBe(words.join(""));
    }
    expect(early).toEqual([]);
  });

  it("fails for an answer that was deleted, and for none that is written beside it", async () => {
    const { db, log } = await writing(3);
    await db.deleteFrom("generations").where("id", "=", "g1").execute();
    const outcomes = await Promise.allSettled(["g0", "g1", "g2"].map((id) => log.append(id, delta(id))));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    for (const id of ["g0", "g2"]) expect(textOf(await listEvents(db, id, 0))).toBe(id);
    // What failed took no number.
    await log.append("g2", delta("!"));
    expect(textOf(await listEvents(db, "g2", 1))).toBe("!");
  });

  it("says so where the disk is full, and keeps what was stored", async () => {
    const { db, log } = await writing(2, { maxPages: 80 });
    const long = delta("word ".repeat(2_000));
    let failed: unknown = null;
    let stored = 0;
    for (; failed === null && stored < 100; stored++)
      await Promise.all([log.append("g0", long), log.append("g1", long)]).catch((error) => {
        failed = error;
      });
    expect(isFull(failed)).toBe(true);
    expect((await listEvents(db, "g0", 0)).length).toBeGreaterThanOrEqual(stored - 1);
  });
});
