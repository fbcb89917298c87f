import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { Ajv } from "ajv";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { OpenConversation, openSession, PatchbayClient } from "../../client/sdk/index.ts";
import { Patchbay } from "../../server/main.ts";
import { Cable } from "../support/cable.ts";
import { shownPrograms } from "../support/documentation.ts";
import { answersSlowly, FaultyServer } from "../support/faulty-server.ts";
import { temporaryFolder } from "../support/folder.ts";
import { enginesFile } from "../support/remote.ts";
import { serverForAll, startServer, testConfig } from "../support/server.ts";

const server = serverForAll();
const bots = shownPrograms("js", "@patchbay/server/sdk");

/** A folder of a project that has this package installed. */
function project(): string {
  const folder = temporaryFolder();
  fs.mkdirSync(path.join(folder, "node_modules", "@patchbay"), { recursive: true });
  fs.symlinkSync(path.resolve("."), path.join(folder, "node_modules", "@patchbay", "server"));
  return folder;
}

describe("the SDK as a package", () => {
  it.each(bots)("runs the bot of $page as it stands there, in ten lines", async ({ source }) => {
    expect(source.split("\n").filter((line) => line !== "")).toHaveLength(10);
    const folder = project();
    fs.writeFileSync(path.join(folder, "bot.mjs"), source);
    const bot = spawn(process.execPath, ["bot.mjs"], {
      cwd: folder,
      env: { ...process.env, PATCHBAY_URL: server().url },
    });
    let said = "";
    for (const stream of [bot.stdout, bot.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
      });
    bot.stdin.end(
      "I was charged twice, how do I get my money back?\nRecommend me a funny movie for tonight\n",
    );
    const [code] = await once(bot, "close");
    expect(code, said).toBe(0);
    expect(said).toMatch(/\w{3}.*\n\(Support, \d+% sure\)\n.*\w{3}.*\n\(Entertainment, \d+% sure\)\n/s);
  });

  it("is shown somewhere", () => expect(bots.length).toBeGreaterThan(0));

  it("has types for whoever installs it", () => {
    const folder = project();
    fs.writeFileSync(
      path.join(folder, "bot.mts"),
      `import { type Answer, OpenConversation, PatchbayClient } from "@patchbay/server/sdk";
       const client = await PatchbayClient.connect("http://127.0.0.1:1", { key: undefined });
       const answer: Answer = await (await OpenConversation.create(client)).ask("Hello");
       // @ts-expect-error a text is text
       await client.call("conversation:create", { title: 7 });
       export const confidence: number | undefined = answer.decision?.confidence;`,
    );
    const options = "--noEmit --strict --exactOptionalPropertyTypes --module nodenext --target es2023";
    const tsc = path.resolve("node_modules/typescript/bin/tsc");
    const args = [tsc, ...options.split(" "), "--lib", "es2023,dom", "bot.mts"];
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });
});

describe("a question asked through the SDK", () => {
  it("is answered once over a restart of the server, without its program noticing more than a wait", async () => {
    const config = testConfig();
    const first = await Patchbay.start(config);
    await first.ready;
    const port = Number(new URL(first.url).port);
    const client = await PatchbayClient.connect(first.url);
    onTestFinished(() => client.close());
    const conversation = await OpenConversation.create(client);
    await conversation.ask("Recommend me a book");
    await first.close();

    const asked = conversation.ask("Where is my parcel? I want a refund");
    const second = await Patchbay.start({ ...config, port });
    onTestFinished(() => second.close());
    expect((await asked).expert?.id).toBe("support");
    const { messages } = await client.call("conversation:open", { conversationId: conversation.id });
    expect(messages.filter(({ role }) => role === "user")).toHaveLength(2);
  });

  it("is answered whole, once and in order where the connection is cut in the middle of the answer", async () => {
    let client: PatchbayClient | undefined;
    const once = (status: string) =>
      expect.poll(() => client?.status, { interval: 10, timeout: 20_000 }).toBe(status);
    const upstream = await FaultyServer.start(
      answersSlowly(
        "One ",
        "two ",
        () => once("offline"),
        "three ",
        "four ",
        () => once("online"),
        "five.",
      ),
    );
    const engines = enginesFile({
      engines: { box: { type: "openai", baseURL: `${upstream.url}/v1`, model: "box" } },
      order: { default: ["box"] },
    });
    const cable = await Cable.to((await startServer({ engines })).url);
    client = await PatchbayClient.connect(cable.url);
    onTestFinished(() => client?.close());
    const conversation = await OpenConversation.create(client);
    let told = "";
    const onText = (piece: string) => {
      told += piece;
      if (told.endsWith("two ")) cable.cut();
    };
    const asked = conversation.ask("Count to five", { adapter: "base", onText });
    await once("offline");
    expect(told).toBe("One two ");
    cable.mend();
    expect(await asked).toMatchObject({ status: "complete", text: "One two three four five." });
    expect(told).toBe("One two three four five.");
    expect(upstream.requests).toHaveLength(1);
    const { messages } = await client.call("conversation:open", { conversationId: conversation.id });
    expect(messages.map(({ role, text }) => [role, text])).toEqual([
      ["user", "Count to five"],
      ["assistant", "One two three four five."],
    ]);
  });

  it("fails with the server's code where it is refused, deleted or the server is gone", async () => {
    const { url } = server();
    const client = await PatchbayClient.connect(url);
    onTestFinished(() => client.close());
    const conversation = await OpenConversation.create(client);
    await expect(conversation.ask("Hello", { adapter: "nobody" })).rejects.toMatchObject({
      code: "adapter-unknown",
    });
    const gone = await OpenConversation.create(client);
    const { id } = await gone.send("Hello", { clientId: "one" });
    await client.call("conversation:delete", { conversationId: gone.id });
    await expect(gone.follow(id, () => undefined)).rejects.toMatchObject({ code: "not-found" });
    await expect(PatchbayClient.connect("http://127.0.0.1:1")).rejects.toMatchObject({
      code: "server-unreachable",
    });
  });

  it("belongs to the same person when the session's cookie is kept", async () => {
    const { url } = server();
    const cookie = await openSession(url);
    expect(await openSession(url, { cookie })).toBe(cookie);
    const [one, other] = [
      await PatchbayClient.connect(url, { cookie }),
      await PatchbayClient.connect(url, { cookie }),
    ];
    const { id } = await OpenConversation.create(one);
    const reopened = new OpenConversation(other, id);
    await reopened.load();
    expect(reopened.snapshot()?.conversation.id).toBe(id);
    const stranger = await PatchbayClient.connect(url);
    await expect(new OpenConversation(stranger, id).load()).rejects.toMatchObject({ code: "not-found" });
    for (const client of [one, other, stranger]) client.close();
  });
});

describe("docs/asyncapi.json", () => {
  it("is enough to speak to a server over a bare WebSocket, and describes each frame that comes", async () => {
    const document = JSON.parse(fs.readFileSync("docs/asyncapi.json", "utf8"));
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: "doc", components: document.components });
    const pointed = JSON.stringify(document.channels.socket.messages).replaceAll(
      '"#/components',
      '"doc#/components',
    );
    const messages = JSON.parse(pointed) as Record<string, { name: string; payload: object }>;
    const payloadOf = (key: string) => ajv.compile(messages[key]?.payload ?? false);
    const keyFor = (name: string) =>
      Object.entries(messages).find(([, message]) => message.name === name)?.[0] ?? "";

    const { url } = server();
    const socket = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`, {
      headers: { cookie: await openSession(url) },
    });
    onTestFinished(() => socket.close());
    const acknowledged = new Map<string, (reply: unknown) => void>();
    const told: { name: string; payload: { event?: { type: string } } }[] = [];
    let entered = false;
    socket.on("message", (data) => {
      const frame = String(data);
      if (frame === "2") socket.send("3");
      else if (frame.startsWith("0")) socket.send("40");
      else if (frame.startsWith("40")) entered = true;
      const [, type, id = "", json = "null"] = /^(4[23])(\d*)(\[.*)$/s.exec(frame) ?? [];
      if (type === "43") acknowledged.get(id)?.(JSON.parse(json)[0]);
      if (type === "42") told.push({ name: JSON.parse(json)[0], payload: JSON.parse(json)[1] });
    });
    await expect.poll(() => entered).toBe(true);
    let next = 0;
    const call = async (name: string, payload: object) => {
      const id = String(next++);
      const reply = new Promise<unknown>((resolve) => acknowledged.set(id, resolve));
      const isEvent = payloadOf(keyFor(name));
      expect(isEvent(payload), `${name}: ${ajv.errorsText(isEvent.errors)}`).toBe(true);
      socket.send(`42${id}${JSON.stringify([name, payload])}`);
      const answer = await reply;
      const isReply = payloadOf(`${keyFor(name)}Reply`);
      expect(isReply(answer), `${name}: ${JSON.stringify(answer)} ${ajv.errorsText(isReply.errors)}`).toBe(
        true,
      );
      return answer;
    };

    await call("adapters", {});
    const { conversation } = (await call("conversation:create", {})) as { conversation: { id: string } };
    const conversationId = conversation.id;
    const { answer } = (await call("message:send", {
      conversationId,
      clientId: "mail-1",
      text: "I was charged twice, how do I get my money back?",
    })) as { answer: { id: string; generationId: string } };
    await call("subscribe", { generationId: answer.generationId, afterSeq: 0 });
    await expect
      .poll(() => told.some(({ payload }) => payload.event?.type === "finish"), { timeout: 30_000 })
      .toBe(true);
    await call("vote:set", { messageId: answer.id, value: 1 });
    await call("conversation:open", { conversationId });
    await call("conversation:list", {});
    expect(await call("stop", { generationId: "01KAAAAAAAAAAAAAAAAAAAAAAA" })).toMatchObject({ ok: false });
    await call("conversation:delete", { conversationId });
    expect(new Set(told.map(({ name }) => name))).toEqual(new Set(["conversation", "generation"]));
    for (const { name, payload } of told) {
      const validate = payloadOf(keyFor(name));
      expect(validate(payload), `${JSON.stringify(payload)} ${ajv.errorsText(validate.errors)}`).toBe(true);
    }
    expect(payloadOf(keyFor("generation"))({ generationId: "x", seq: 0, event: {} })).toBe(false);
  });
});
