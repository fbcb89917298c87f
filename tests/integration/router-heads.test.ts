import fs from "node:fs";
import path from "node:path";
import { monotonicFactory } from "ulid";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type Database,
  deleteRouteCorrection,
  insertConversation,
  insertQuestion,
  insertUser,
  openDatabase,
  upsertRouteCorrection,
} from "../../db/index.ts";
import { HeadStore, Heads, type Live, listHeads, rollBack } from "../../server/heads/index.ts";
import { decide, learn } from "../../server/routing/index.ts";
import { temporaryFolder } from "../support/folder.ts";

const newId = monotonicFactory();
const at = "2026-01-01T00:00:00.000Z";

const subjects = {
  garden: `when do i prune apple trees / aphids on my roses / tomato leaves turn yellow / which soil for blueberries
    / how deep do i plant tulip bulbs / grass seed does not grow / slugs eat my lettuce / my compost smells`,
  cars: `the engine makes a knocking sound / how often do i change the oil / brakes squeal in the rain / flat battery
    / what does the red oil light mean / winter tyres when / my clutch slips / dent in the door of my van`,
};
const outside = `good morning / tell me a joke / what is the capital of peru / translate hello into french / set a timer
  / who wrote hamlet / is it raining / write a poem`;
const split = (texts: string): string[] => texts.split("/").map((text) => text.trim());
const lines = (rows: object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/** Heads over a small folder of examples, a real database, and people who correct. */
async function world() {
  const folder = temporaryFolder();
  const write = (name: string, rows: object[]) => {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), lines(rows));
  };
  for (const [id, texts] of Object.entries(subjects))
    write(
      `adapters/${id}/dataset/router.jsonl`,
      split(texts).map((text) => ({ text })),
    );
  write(
    "background/train.jsonl",
    split(outside).map((text) => ({ text })),
  );
  write("background/easy.jsonl", [
    { text: "when do i prune my apple trees", label: "garden" },
    { text: "the engine makes a sound", label: "cars" },
  ]);
  const db = await openDatabase(path.join(folder, "data", "patchbay.sqlite"));
  onTestFinished(() => db.destroy());
  const store = new HeadStore(path.join(folder, "data"));
  const log: string[] = [];
  const heads = new Heads({
    db,
    store,
    newId,
    now: () => at,
    log: (line) => log.push(line),
    learn,
  });
  const source = {
    adaptersDir: path.join(folder, "adapters"),
    backgroundDir: path.join(folder, "background"),
    cacheDir: path.join(folder, "cache"),
    adapterIds: ["garden", "cars"],
    encoder: null,
  };
  const people = new People(db);
  const list = async () => (await listHeads(db, store)).map(({ name, status }) => `${name} ${status}`);
  const undo = (ordinal: number | null = null) => rollBack(db, store, { ordinal, now: at });
  return {
    heads,
    people,
    db,
    store,
    log,
    write,
    list,
    undo,
    learn: (more = {}) => heads.learn({ ...source, ...more }),
  };
}

class People {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async correct(text: string, expert: string) {
    const userId = newId();
    await insertUser(this.#db, { id: userId, now: at });
    const { id: conversationId } = await insertConversation(
      this.#db,
      userId,
      { id: newId(), title: "t", pinned: null },
      at,
    );
    const questionId = newId();
    await insertQuestion(this.#db, {
      id: questionId,
      conversationId,
      parentId: null,
      role: "user",
      text,
      clientId: null,
      createdAt: at,
      routeCorrection: null,
    });
    const again = (other: string) =>
      upsertRouteCorrection(
        this.#db,
        {
          id: newId(),
          questionId,
          userId,
          turn: { text, before: null },
          answeredBy: "base",
          head: "h",
        },
        { expert: other, setAside: false, updatedAt: at },
      );
    await again(expert);
    return { again, retract: () => deleteRouteCorrection(this.#db, questionId, userId) };
  }
}

const route = ({ head }: Live, text: string): string =>
  decide(head, { turns: [{ role: "user", text }], previous: null }).domain;

const POOL = "is the swimming pool open today";

describe("the router's heads", () => {
  it("are numbered, learn what is corrected, and forget what is taken back", async () => {
    const { learn, people, list, db, store } = await world();
    const first = await learn();
    expect(first.name).toBe("router@1");
    expect(route(first, POOL)).toBe("base");
    const said = await people.correct(POOL, "garden");
    const second = await learn();
    expect(second.name).toBe("router@2");
    expect(route(second, POOL)).toBe("garden");
    expect(route(second, "is the pool open")).toBe("garden");
    expect(await list()).toEqual(["router@1 retired", "router@2 live"]);
    expect((await listHeads(db, store))[1]).toMatchObject({
      parent: "router@1",
      corrections: 1,
      texts: 1,
      disputed: 0,
      gate: { passed: true, reasons: [] },
      kept: true,
    });
    await said.retract();
    // What was learnt before is not learnt anew.
    expect((await learn()).name).toBe("router@1");
    expect(await list()).toEqual(["router@1 live", "router@2 retired"]);
  });

  it("stay as they are while there is nothing new, over a restart too", async () => {
    const { learn, people, list, heads } = await world();
    await learn();
    await people.correct(POOL, "garden");
    const live = await learn();
    expect((await learn()).name).toBe(live.name);
    expect(await heads.kept()).toEqual(live);
    expect(await list()).toHaveLength(2);
  });

  it("are refused where an easy case would be lost, with the reason, and not tried again until something is new", async () => {
    const { learn, people, list, db, store, log } = await world();
    await learn();
    for (const text of [
      "when do you prune an apple tree",
      "do i prune my apple trees now",
      "prune apple trees when",
    ])
      for (let person = 0; person < 3; person++) await people.correct(text, "cars");
    const live = await learn();
    expect(live.name).toBe("router@1");
    expect(route(live, "when do i prune my apple trees")).toBe("garden");
    const [, refused] = await listHeads(db, store);
    expect(refused).toMatchObject({ status: "rejected", gate: { passed: false }, kept: true });
    expect(refused?.gate?.reasons.join()).toContain(
      '"when do i prune my apple trees" no longer goes to garden',
    );
    expect(log.join()).toContain("not learnt yet");
    await learn();
    expect(await list()).toHaveLength(2);
    // More people outweigh them: the next try is another one.
    for (let person = 0; person < 4; person++)
      for (const text of [
        "when do you prune an apple tree",
        "do i prune my apple trees now",
        "prune apple trees when",
      ])
        await people.correct(text, "garden");
    expect((await learn()).name).toBe("router@3");
    expect(await list()).toEqual(["router@1 retired", "router@2 rejected", "router@3 live"]);
  });

  it("follow adapters and examples, and keep what was corrected", async () => {
    const { learn, people, write } = await world();
    await people.correct(POOL, "garden");
    const before = await learn();
    write(
      "adapters/pools/dataset/router.jsonl",
      split("how warm is the pool / chlorine in the water / swimming lessons / pool filter").map((text) => ({
        text,
      })),
    );
    const after = await learn({ adapterIds: ["garden", "cars", "pools"] });
    expect(after.name).not.toBe(before.name);
    expect(route(after, "swimming lessons")).toBe("pools");
    expect(route(after, POOL)).toBe("garden");
    // What is said of an expert who is gone waits for its return.
    const without = await learn({ adapterIds: ["cars"] });
    expect(without.head.labels).toEqual(["cars", "base"]);
    expect(route(await learn({ adapterIds: ["garden", "cars"] }), POOL)).toBe("garden");
  });

  it("leave other examples live without what was corrected, where that does not pass", async () => {
    const { learn, people, write, list } = await world();
    await learn();
    for (let person = 0; person < 3; person++) await people.correct("do i prune my apple trees", "cars");
    await learn();
    write(
      "adapters/garden/dataset/router.jsonl",
      [...split(subjects.garden), "rhubarb"].map((text) => ({ text })),
    );
    const live = await learn();
    expect(route(live, "when do i prune my apple trees")).toBe("garden");
    expect((await list()).filter((line) => line.endsWith("rejected")).length).toBeGreaterThan(0);
    expect((await list()).filter((line) => line.endsWith("live"))).toEqual([`${live.name} live`]);
  });
});

describe("going back to an earlier head", () => {
  it("sets aside what that head has not learnt, until it is said again", async () => {
    const { learn, people, undo, list } = await world();
    await learn();
    const said = await people.correct(POOL, "garden");
    await learn();
    expect(await undo()).toEqual({ from: "router@2", to: "router@1", setAside: 1 });
    expect(await list()).toEqual(["router@1 live", "router@2 rolled-back"]);
    expect((await learn()).name).toBe("router@1");
    await people.correct("my bike has a flat", "cars");
    const third = await learn();
    expect(third.name).toBe("router@3");
    expect(route(third, POOL)).toBe("base");
    expect(route(third, "my bike has a flat")).toBe("cars");
    await said.again("garden");
    expect(route(await learn(), POOL)).toBe("garden");
  });

  it("can be taken back: a later head brings what it learnt", async () => {
    const { learn, people, undo } = await world();
    await learn();
    await people.correct(POOL, "garden");
    await learn();
    await undo();
    expect(await undo(2)).toEqual({ from: "router@1", to: "router@2", setAside: 0 });
    const live = await learn();
    expect(live.name).toBe("router@2");
    expect(route(live, POOL)).toBe("garden");
  });

  it("holds against the examples that are there now, until they change again", async () => {
    const { learn, write, undo } = await world();
    await learn();
    const more = (text: string) =>
      write(
        "adapters/garden/dataset/router.jsonl",
        [...split(subjects.garden), text].map((row) => ({ text: row })),
      );
    more("flat battery of a drill");
    expect((await learn()).name).toBe("router@2");
    await undo();
    expect((await learn()).name).toBe("router@1");
    more("rhubarb");
    expect((await learn()).name).toBe("router@3");
  });

  it("is refused where there is nothing to go back to", async () => {
    const { learn, people, undo } = await world();
    await expect(undo()).rejects.toMatchObject({ code: "not-found" });
    await learn();
    await expect(undo()).rejects.toMatchObject({
      code: "not-found",
      message: expect.stringContaining("first"),
    });
    await expect(undo(7)).rejects.toMatchObject({ code: "not-found" });
    await expect(undo(1)).rejects.toMatchObject({ code: "conflict" });
    for (let person = 0; person < 3; person++) await people.correct("do i prune my apple trees", "cars");
    await learn();
    await expect(undo(2)).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("gate"),
    });
  });
});

describe("a head's file", () => {
  it.each(["", "{", '{"format": "patchbay-router-head"}'])(
    "that is damaged (%j) is made anew, never a crash",
    async (content) => {
      const { learn, people, store, heads, list, log } = await world();
      await learn();
      await people.correct(POOL, "garden");
      const before = await learn();
      const row = { version: before.head.version, sha256: "" };
      const name = fs.readdirSync(store.dir).find((file) => file.startsWith(row.version)) ?? "";
      fs.writeFileSync(path.join(store.dir, name), content);
      expect(await heads.kept()).toBeNull();
      expect(log.join()).toContain("router@2 is gone or damaged");
      const again = await learn();
      expect(again).toEqual(before);
      expect(await list()).toEqual(["router@1 retired", "router@2 live"]);
      expect(await heads.kept()).toEqual(before);
    },
  );

  it("that cannot be written costs the next start a training and nothing else", async () => {
    const { learn, store, log } = await world();
    fs.writeFileSync(store.dir, "in the way");
    const live = await learn();
    expect(route(live, "aphids on my roses")).toBe("garden");
    expect(log.join()).toContain("cannot be kept");
  });
});
