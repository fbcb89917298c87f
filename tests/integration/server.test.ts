import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { io } from "socket.io-client";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type Answer,
  activeBranch,
  OpenConversation,
  siblings,
  type Transcript,
} from "../../client/sdk/index.ts";
import { Patchbay } from "../../server/main.ts";
import { type ConversationChange, type LoggedEvent, limits } from "../../server/protocol/index.ts";
import { shippedVersion, versionFile } from "../support/adapters.ts";
import { temporaryFolder } from "../support/folder.ts";
import { connectAs, newPerson, serverForAll, startServer, testConfig, visit } from "../support/server.ts";
import { ask, askAndSeeStart, converse, LONG_QUESTION, WHOLE } from "../support/talk.ts";

/** Most tests are people of their own on one server, as in life. */
const server = serverForAll();
const transcriptOf = (open: OpenConversation): Transcript => open.snapshot() as Transcript;

describe("a turn", () => {
  it.each([
    ["support", "I was charged twice, how do I get my money back?"],
    ["health", "I have had a sore throat and a fever since Monday, what can I do?"],
    ["education", "Can you explain how to add fractions with different denominators?"],
    ["entertainment", "Recommend me a funny movie for tonight"],
    ["base", "What time zone is Lisbon in?"],
  ])("of %s is answered by its expert", async (expected, question) => {
    const { url } = server();
    const open = await converse(await newPerson(url));
    const answer = await ask(open, question);
    expect(answer).toMatchObject({ expert: { id: expected }, decision: { domain: expected, pinned: false } });
    expect(answer.status).toEqual(WHOLE);
    // The experts were trained to say some sentences; the base model may well answer in a word.
    expect(answer.text.length).toBeGreaterThan(expected === "base" ? 0 : 20);
    expect(answer.decision?.runnerUp).not.toBeNull();
    expect(answer.timings?.totalMs).toBeGreaterThan(0);
    open.close();
  });

  it("can be given to an expert by hand, for one answer or for the whole conversation", async () => {
    const { url } = server();
    const client = await newPerson(url);
    const open = await converse(client);
    expect(await ask(open, "Hello there", "health")).toMatchObject({
      expert: { id: "health" },
      decision: { pinned: true },
    });
    await client.call("conversation:pin", { conversationId: open.id, pinned: "education" });
    expect((await ask(open, "Where is my parcel?")).expert?.id).toBe("education");
    await client.call("conversation:pin", { conversationId: open.id, pinned: "auto" });
    expect((await ask(open, "Where is my parcel? I want a refund")).expert?.id).toBe("support");
    await expect(
      client.call("conversation:pin", { conversationId: open.id, pinned: "nobody" }),
    ).rejects.toMatchObject({
      code: "adapter-unknown",
    });
    open.close();
  });

  it("can be answered again beside the first answer, and either branch can go on", async () => {
    const { url } = server();
    const open = await converse(await newPerson(url));
    const first = await ask(open, "Recommend me a book");
    const again = await open.regenerate(first.id, "base");
    await open.when(again.id, (answer) => answer.status !== "streaming");
    expect(siblings(transcriptOf(open), again).map((message) => message.id)).toEqual([first.id, again.id]);
    expect(activeBranch(transcriptOf(open)).at(-1)?.id).toBe(again.id);
    await open.showBranch(first.id);
    const next = await ask(open, "And a second one?");
    expect(activeBranch(transcriptOf(open)).map((message) => message.id)).toContain(first.id);
    expect(next.status).not.toBe("failed");
    open.close();
  });

  it("is stored once when it is sent twice, one after the other or at the same moment", async () => {
    const { url } = server();
    const client = await newPerson(url);
    const { conversation } = await client.call("conversation:create", {});
    const message = { conversationId: conversation.id, clientId: "same", text: "Hello" };
    const [first, second] = await Promise.all([
      client.call("message:send", message),
      client.call("message:send", message),
    ]);
    const third = await client.call("message:send", message);
    expect([second.answer.id, third.answer.id]).toEqual([first.answer.id, first.answer.id]);
    const { messages } = await client.call("conversation:open", { conversationId: conversation.id });
    expect(messages).toHaveLength(2);
  });
});

describe("stop", () => {
  it("keeps what was written, changes nothing the second time, and the conversation goes on", async () => {
    const { url } = server();
    const client = await newPerson(url);
    const open = await converse(client);
    const started = await askAndSeeStart(open, LONG_QUESTION, "base");
    expect(await client.call("stop", { generationId: started.generationId })).toMatchObject({
      stopped: true,
    });
    const stopped = await open.when(started.id, (answer) => answer.status !== "streaming");
    expect(stopped.status).toBe("stopped");
    expect(await client.call("stop", { generationId: started.generationId })).toMatchObject({
      stopped: false,
    });
    const { messages } = await client.call("conversation:open", { conversationId: open.id });
    expect(messages.find((message) => message.id === started.id)?.text).toBe(stopped.text);
    expect((await ask(open, "Thanks, where is my refund?")).status).not.toBe("failed");
    open.close();
  });
});

describe("an answer that is being written", () => {
  it("goes on without its reader, and a reload shows all of it", async () => {
    const { url } = server();
    const cookie = await visit(url);
    const before = await connectAs(url, cookie);
    const open = await converse(before);
    const started = await askAndSeeStart(open, LONG_QUESTION, "base");
    open.close();
    before.close();

    const after = await connectAs(url, cookie);
    const reopened = new OpenConversation(after, open.id);
    await reopened.load();
    const ended = await reopened.when(started.id, (answer) => answer.status !== "streaming");
    const { messages } = await after.call("conversation:open", { conversationId: open.id });
    expect(messages.find((message) => message.id === started.id)?.text).toBe(ended.text);
    expect(ended.text.startsWith(started.text)).toBe(true);
    reopened.close();
  });

  it("is replayed from the last number seen, without gap or repeat", async () => {
    const { url } = server();
    const client = await newPerson(url);
    const open = await converse(client);
    const answer = await ask(open, "Recommend me a funny movie");
    const seen: LoggedEvent[] = [];
    client.onLogged((logged) => seen.push(logged));
    await client.call("subscribe", { generationId: answer.generationId, afterSeq: 0 });
    await client.call("adapters", {});
    const all = [...seen];
    expect(all.map((logged) => logged.seq)).toEqual(all.map((_, index) => index + 1));
    expect(all.map((logged) => logged.event.type)).toEqual(
      expect.arrayContaining(["route", "start", "delta", "finish"]),
    );
    const text = all.map(({ event }) => (event.type === "delta" ? event.text : "")).join("");
    expect(text).toBe(answer.text);
    seen.length = 0;
    await client.call("subscribe", { generationId: answer.generationId, afterSeq: 3 });
    await client.call("adapters", {});
    expect(seen).toEqual(all.slice(3));
    open.close();
  });

  it("keeps what was generated over a restart of the server, and says that it was interrupted", async () => {
    const config = testConfig();
    const first = await Patchbay.start(config);
    await first.ready;
    const cookie = await visit(first.url);
    const open = await converse(await connectAs(first.url, cookie));
    const started = await askAndSeeStart(open, LONG_QUESTION, "base");
    open.close();
    await first.close();

    const second = await startServer(config);
    const client = await connectAs(second.url, cookie);
    const { messages } = await client.call("conversation:open", { conversationId: open.id });
    const answer = messages.find((message) => message.id === started.id) as Answer;
    expect(answer).toMatchObject({ status: "interrupted", error: { code: "interrupted" } });
    expect(answer.text.startsWith(started.text)).toBe(true);
    const seen: LoggedEvent[] = [];
    client.onLogged((logged) => seen.push(logged));
    await client.call("subscribe", { generationId: started.generationId, afterSeq: 0 });
    await client.call("adapters", {});
    expect(seen.at(-1)?.event).toMatchObject({ type: "error", code: "interrupted" });
  });

  it("fails with a clear error when the model process dies, and the next one is answered", async () => {
    const patchbay = await startServer();
    const open = await converse(await newPerson(patchbay.url));
    const started = await askAndSeeStart(open, LONG_QUESTION, "base");
    process.kill(patchbay.enginePid as number, "SIGKILL");
    const failed = await open.when(started.id, (answer) => answer.status !== "streaming");
    expect(failed).toMatchObject({ status: "failed", error: { code: "engine-crashed" } });
    expect(failed.text.length).toBeGreaterThan(0);
    expect((await ask(open, "Are you back? I want a refund")).status).not.toBe("failed");
    open.close();
  });
});

describe("conversations", () => {
  it("are created, renamed and deleted, and the person's other tabs follow", async () => {
    const { url } = server();
    const cookie = await visit(url);
    const [one, other] = [await connectAs(url, cookie), await connectAs(url, cookie)];
    const changes: ConversationChange[] = [];
    other.onChange((change) => changes.push(change));
    const { conversation } = await one.call("conversation:create", {});
    await one.call("conversation:rename", { conversationId: conversation.id, title: "Parcels" });
    const open = new OpenConversation(one, conversation.id);
    await open.load();
    await askAndSeeStart(open, LONG_QUESTION, "base");
    open.close();
    // Deleted in mid-answer: it is stopped and leaves nothing behind.
    await one.call("conversation:delete", { conversationId: conversation.id });
    expect((await one.call("conversation:list", {})).conversations).toEqual([]);
    await other.call("adapters", {});
    expect(changes.map((change) => change.type)).toEqual(["saved", "saved", "message", "message", "deleted"]);
  });

  it("take their title from the first question", async () => {
    const { url } = server();
    const client = await newPerson(url);
    const open = await converse(client);
    await ask(open, "Where is my parcel?");
    expect((await client.call("conversation:list", {})).conversations[0]?.title).toBe("Where is my parcel?");
    open.close();
  });

  it("belong to whom made them: for everybody else they do not exist", async () => {
    const { url } = server();
    const open = await converse(await newPerson(url));
    const answer = await ask(open, "Recommend me a book");
    const stranger = await newPerson(url);
    const conversationId = open.id;
    const attempts = [
      stranger.call("conversation:open", { conversationId }),
      stranger.call("conversation:rename", { conversationId, title: "mine" }),
      stranger.call("conversation:pin", { conversationId, pinned: "base" }),
      stranger.call("conversation:branch", { conversationId, messageId: answer.id }),
      stranger.call("conversation:delete", { conversationId }),
      stranger.call("message:send", { conversationId, clientId: "x", text: "hi" }),
      stranger.call("message:regenerate", { messageId: answer.id }),
      stranger.call("stop", { generationId: answer.generationId }),
      stranger.call("subscribe", { generationId: answer.generationId, afterSeq: 0 }),
      stranger.call("vote:set", { messageId: answer.id, value: 1 }),
      stranger.call("vote:retract", { messageId: answer.id }),
    ];
    for (const attempt of attempts) await expect(attempt).rejects.toMatchObject({ code: "not-found" });
    expect((await stranger.call("conversation:list", {})).conversations).toEqual([]);
    expect(transcriptOf(open).conversation.title).toBe("Recommend me a book");
    open.close();
  });
});

describe("bad input", () => {
  it("is answered with a code, and the server stays up", async () => {
    const { url } = server();
    const client = await newPerson(url);
    const { conversation } = await client.call("conversation:create", {});
    const raw = io(url, { transports: ["websocket"], forceNew: true });
    onTestFinished(() => void raw.disconnect());
    const send = (name: string, ...args: unknown[]) => raw.timeout(5_000).emitWithAck(name, ...args);
    const cases: [string, unknown, string][] = [
      ["no-such-event", {}, "bad-request"],
      ["__proto__", {}, "bad-request"],
      ["conversation:open", undefined, "bad-request"],
      ["conversation:open", "text", "bad-request"],
      ["conversation:open", { conversationId: "nonsense" }, "bad-request"],
      ["conversation:open", { conversationId: "01KAAAAAAAAAAAAAAAAAAAAAAA" }, "not-found"],
      ["message:send", { conversationId: conversation.id, clientId: "1", text: "" }, "bad-request"],
      [
        "message:send",
        { conversationId: conversation.id, clientId: "1", text: "x".repeat(limits.messageChars + 1) },
        "too-large",
      ],
      [
        "message:send",
        { conversationId: conversation.id, clientId: "1", text: "x".repeat(2 * limits.eventBytes) },
        "too-large",
      ],
      ["message:send", { conversationId: conversation.id, clientId: "1", text: { $gt: "" } }, "bad-request"],
      ["vote:set", { messageId: conversation.id, value: 5 }, "bad-request"],
      ["subscribe", { generationId: conversation.id, afterSeq: -1 }, "bad-request"],
      ["conversation:rename", { conversationId: conversation.id, title: "   " }, "bad-request"],
      ["conversation:open", Buffer.from([1, 2, 3]), "bad-request"],
    ];
    for (const [name, payload, code] of cases)
      expect(await send(name, payload), `${name} ${JSON.stringify(payload)?.slice(0, 60)}`).toMatchObject({
        ok: false,
        error: { code },
      });
    expect(await send("conversation:list")).toMatchObject({ ok: true });
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it("refuses a message that no context can hold with a sentence, and keeps the question", async () => {
    const { url } = await startServer({ contextSize: 512 });
    const open = await converse(await newPerson(url));
    const answer = await ask(open, "word ".repeat(1500), "base");
    expect(answer).toMatchObject({ status: "failed", error: { code: "prompt-too-long" } });
    expect(answer.error?.message).toMatch(/Shorten it/);
    expect((await ask(open, "hello", "base")).status).not.toBe("streaming");
    open.close();
  });

  it("over HTTP has the same shape", async () => {
    const { url } = server();
    const post = (body: string) =>
      fetch(`${url}/api/session`, { method: "POST", headers: { "content-type": "application/json" }, body });
    expect((await post("{")).status).toBe(400);
    expect((await post('{"key": 5}')).status).toBe(400);
    const large = await post(JSON.stringify({ key: "x".repeat(limits.eventBytes) }));
    expect(large.status).toBe(413);
    expect(await large.json()).toMatchObject({ error: { code: "too-large" } });
    expect(await (await fetch(`${url}/api/nothing`)).json()).toMatchObject({ error: { code: "not-found" } });
    expect((await fetch(`${url}/assets/none.js`)).status).toBe(404);
    expect((await fetch(`${url}/%2e%2e/%2e%2e/package.json`)).status).toBe(404);
  });

  it("from another site or through a rebound name is turned away", async () => {
    const { url } = server();
    const headers = { origin: "https://evil.example" };
    const response = await fetch(`${url}/api/session`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: "{}",
    });
    expect(response.status).toBe(403);
    const socket = io(url, {
      transports: ["websocket"],
      extraHeaders: headers,
      reconnection: false,
      forceNew: true,
    });
    onTestFinished(() => void socket.disconnect());
    await expect(new Promise((resolve) => socket.on("connect_error", resolve))).resolves.toBeInstanceOf(
      Error,
    );
    const port = Number(new URL(url).port);
    const rebound = await rawRequest(
      port,
      "GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    );
    expect(rebound).toMatch(/^HTTP\/1.1 403/);
  });
});

function rawRequest(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = net.connect(port, "127.0.0.1", () => socket.write(text));
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      received += chunk;
    });
    socket.on("close", () => resolve(received)).on("error", reject);
  });
}

describe("starting", () => {
  it("shows its steps in /health and is ready when it says so", async () => {
    const patchbay = await Patchbay.start(testConfig());
    onTestFinished(() => patchbay.close());
    const early = await fetch(`${patchbay.url}/health`);
    expect(early.status).toBe(503);
    expect(await early.json()).toMatchObject({ status: "starting", step: expect.any(String) });
    await patchbay.ready;
    const health = await fetch(`${patchbay.url}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({
      status: "ready",
      model: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      engine: {
        device: "cpu",
        threads: expect.any(Number),
        contexts: expect.any(Number),
        sequences: expect.any(Number),
      },
      router: { version: expect.any(String), hears: "words", embedder: "off" },
      queue: { running: 0, waiting: 0 },
    });
  });

  it("on a taken port says which one and what to do", async () => {
    const { url } = server();
    const port = Number(new URL(url).port);
    await expect(Patchbay.start(testConfig({ port }))).rejects.toMatchObject({
      code: "port-taken",
      hint: expect.stringContaining("PORT="),
    });
  });

  it("on a data folder that is in use is refused", async () => {
    const config = testConfig();
    fs.mkdirSync(config.dataDir, { recursive: true });
    // The test runner's parent runs, and is not this process.
    fs.writeFileSync(path.join(config.dataDir, "server.pid"), String(process.ppid));
    await expect(Patchbay.start(config)).rejects.toMatchObject({ code: "data-in-use" });
  });

  it("beyond loopback without a key is refused", async () => {
    await expect(Patchbay.start(testConfig({ host: "0.0.0.0" }))).rejects.toMatchObject({
      code: "keys-needed",
    });
  });

  it("with a missing or damaged model stays up and says why", async () => {
    const damaged = path.join(temporaryFolder(), "damaged.gguf");
    fs.writeFileSync(damaged, "not a model");
    for (const [model, code] of [
      ["/nowhere/model.gguf", "model-not-found"],
      [damaged, "model-corrupt"],
    ] as const) {
      const patchbay = await Patchbay.start(testConfig({ model }));
      onTestFinished(() => patchbay.close());
      await expect(patchbay.ready).rejects.toMatchObject({ code });
      const health = await fetch(`${patchbay.url}/health`);
      expect(health.status).toBe(503);
      expect(await health.json()).toMatchObject({
        status: "starting",
        error: { code, hint: expect.any(String) },
      });
    }
  });

  it("leaves out adapters that are damaged, and serves the others", async () => {
    const { adaptersDir } = testConfig();
    const copy = path.join(temporaryFolder(), "adapters");
    fs.cpSync(adaptersDir, copy, { recursive: true, filter: (source) => !source.includes("trainer") });
    fs.appendFileSync(versionFile(path.join(copy, "health"), "gguf"), "damage");
    const card = versionFile(path.join(copy, "education"), "json");
    const other = JSON.parse(fs.readFileSync(card, "utf8"));
    fs.writeFileSync(card, JSON.stringify({ ...other, base: { name: "another", sha256: "0".repeat(64) } }));
    fs.writeFileSync(path.join(copy, "entertainment", "adapter.json"), "{");
    const { url } = await startServer({ adaptersDir: copy });
    const health = (await (await fetch(`${url}/health`)).json()) as {
      adapters: { id: string }[];
      rejected: { id: string; code: string }[];
    };
    expect(health.adapters).toMatchObject([
      { id: "education", version: null, train: "npx patchbay adapters train education" },
      { id: "support", version: shippedVersion("support"), train: null },
    ]);
    expect(Object.fromEntries(health.rejected.map(({ id, code }) => [id, code]))).toEqual({
      entertainment: "adapter-invalid",
      health: "adapter-hash-mismatch",
    });
    const open = await converse(await newPerson(url));
    expect((await ask(open, "I want a refund for my broken phone")).expert?.id).toBe("support");
    open.close();
  });
});

describe("a full disk", () => {
  it("is said, loses nothing that was stored, and the server stays up", async () => {
    // SQLite's own page limit gives the very error that a full disk gives.
    const { url } = await startServer({}, { maxPages: 60 });
    const client = await newPerson(url);
    const open = await converse(client);
    const kept = await ask(open, "Where is my parcel?");
    let failure: unknown;
    // The question fills the disk; its answer need not be waited for.
    const fill = async (index: number): Promise<unknown> => {
      await client.call("conversation:create", { title: "x".repeat(limits.titleChars) });
      const text = `${"padding ".repeat(400)}${index}`;
      const { id, generationId } = await open.send(text, { clientId: `${index}`, adapter: "base" });
      await open.stop(generationId);
      return (await open.when(id, ({ status }) => status !== "streaming")).error ?? undefined;
    };
    for (let index = 0; index < 40 && !failure; index++) failure = await fill(index).catch((error) => error);
    expect(failure).toMatchObject({ code: "storage-full" });
    const { messages } = await client.call("conversation:open", { conversationId: open.id });
    expect(messages.find((message) => message.id === kept.id)?.text).toBe(kept.text);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    open.close();
  });
});
