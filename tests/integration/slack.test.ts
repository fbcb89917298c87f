import path from "node:path";
import { ulid } from "ulid";
import { describe, expect, it, onTestFinished } from "vitest";
import { BridgeStore, type PatchbayAddress } from "../../client/bridge/index.ts";
import type { Answer, Message } from "../../client/sdk/index.ts";
import { readSlackSettings, SlackBridge } from "../../client/slack/index.ts";
import { openDatabase, revokeApiKey } from "../../db/index.ts";
import { createApiKey } from "../../server/gateway/index.ts";
import { Patchbay } from "../../server/main.ts";
import { temporaryFolder } from "../support/folder.ts";
import { connectAs, serverForAll, startServer, testConfig } from "../support/server.ts";
import {
  BOT,
  eventBody,
  type PostedMessage,
  SlackWorkspace,
  sendSigned,
} from "../support/slack-workspace.ts";
import { LONG_QUESTION } from "../support/talk.ts";

const server = serverForAll();
const REFUND = "I was charged twice, how do I get my money back?";
const [ANN, BOB] = ["U0ANN", "U0BOB"];
const CHANNEL = "C0HELP";

interface Options {
  without?: string[];
  env?: Record<string, string>;
  patchbay?: PatchbayAddress;
}

interface Setting {
  slack: SlackWorkspace;
  bridge: SlackBridge;
  storeFile: string;
  log: string[];
  restart(): Promise<SlackBridge>;
}

/** A bridge in socket mode between a workspace of its own and the server. */
async function bridged(options: Options = {}): Promise<Setting> {
  const slack = await SlackWorkspace.start(options.without);
  onTestFinished(() => slack.close());
  const storeFile = path.join(temporaryFolder(), "slack.sqlite");
  const log: string[] = [];
  const start = async () => {
    const bridge = await SlackBridge.start({
      slack: readSlackSettings({
        SLACK_BOT_TOKEN: BOT.token,
        SLACK_API_URL: slack.apiUrl,
        ...(options.env ?? { SLACK_APP_TOKEN: BOT.appToken }),
      }),
      patchbay: options.patchbay ?? { url: server().url, key: undefined },
      storeFile,
      log: (line) => log.push(line),
    });
    setting.bridge = bridge;
    return bridge;
  };
  const setting = { slack, storeFile, log, restart: start } as Setting;
  await start();
  onTestFinished(() => setting.bridge.close());
  return setting;
}

const mention = (ts: string, text: string, user = ANN, thread?: string) => ({
  type: "app_mention",
  channel: CHANNEL,
  user,
  ts,
  event_ts: ts,
  ...(thread && { thread_ts: thread }),
  text: `<@${BOT.userId}> ${text}`,
});

const hasEnded = (message: PostedMessage | undefined): boolean =>
  message !== undefined && !message.streaming && message.blocks.length > 0;

/** The bot's `count` finished messages in a thread. */
async function answersIn(slack: SlackWorkspace, thread: string, count = 1) {
  await expect.poll(() => slack.inThread(thread).filter(hasEnded).length, { timeout: 45_000 }).toBe(count);
  return slack.inThread(thread);
}

/** What the server keeps for a person of the workspace; the bridge has to be closed. */
async function conversationsOf(storeFile: string, user: string): Promise<Message[][]> {
  const store = new BridgeStore(storeFile);
  const cookie = store.cookieOf(user) ?? "";
  store.close();
  const client = await connectAs(server().url, cookie);
  const { conversations } = await client.call("conversation:list", {});
  const opened = conversations.map(({ id }) => client.call("conversation:open", { conversationId: id }));
  return (await Promise.all(opened)).map(({ messages }) => messages);
}

const answersOf = (messages: Message[] | undefined): Answer[] =>
  (messages ?? []).filter((message): message is Answer => message.role === "assistant");

const contextOf = (message: PostedMessage | undefined): string => JSON.stringify(message?.blocks ?? []);

describe("a mention in Slack", () => {
  it("is answered in its thread, streamed, with its expert and thumbs; the thread is one conversation", async () => {
    const { slack, bridge, storeFile } = await bridged();
    const ts = slack.newTs();
    await slack.event(mention(ts, REFUND));
    const [first] = await answersIn(slack, ts);
    expect(contextOf(first)).toMatch(/:electric_plug: Support · \d+% sure/);
    expect(first?.blocks.at(-1)?.type).toBe("context_actions");
    expect(first?.history.length).toBeGreaterThan(2);
    await slack.event(mention(slack.newTs(), "And how long does that take?", ANN, ts));
    const [, second] = await answersIn(slack, ts, 2);
    await bridge.close();
    const [conversation, ...others] = await conversationsOf(storeFile, ANN);
    expect(others).toEqual([]);
    expect(answersOf(conversation).map(({ text }) => text)).toEqual([first?.text, second?.text]);
    expect(conversation?.[0]?.text).toBe(REFUND);
  });

  it("is answered once, however often Slack delivers it, and two of one thread in their order", async () => {
    const { slack, bridge, storeFile } = await bridged();
    const [ts, second, third] = [slack.newTs(), slack.newTs(), slack.newTs()];
    const event = mention(ts, REFUND);
    await Promise.all([
      slack.event(event, { eventId: "Ev1" }),
      slack.event(event, { eventId: "Ev1", retry: 1 }),
      // The third is delivered before the second.
      slack.event(mention(third, "Thank you!", ANN, ts)),
      slack.event(mention(second, "Where is my parcel?", ANN, ts)),
    ]);
    await answersIn(slack, ts, 3);
    await slack.event(event, { eventId: "Ev1", retry: 2 });
    await slack.event({ ...event, type: "message", channel_type: "channel" });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(slack.inThread(ts)).toHaveLength(3);
    await bridge.close();
    const [conversation] = await conversationsOf(storeFile, ANN);
    const asked = conversation?.filter(({ role }) => role === "user").map(({ text }) => text);
    expect(asked).toEqual([REFUND, "Where is my parcel?", "Thank you!"]);
  });

  it("belongs to whoever asks: a second person in the thread has a conversation of their own that quotes the first", async () => {
    const { slack, bridge, storeFile } = await bridged();
    const ts = slack.newTs();
    await slack.event(mention(ts, REFUND));
    const [first] = await answersIn(slack, ts);
    await slack.event(mention(slack.newTs(), "And if they do not answer?", BOB, ts));
    await answersIn(slack, ts, 2);
    await bridge.close();
    const [ofAnn, ofBob] = [await conversationsOf(storeFile, ANN), await conversationsOf(storeFile, BOB)];
    expect([ofAnn, ofBob].map((conversations) => conversations.length)).toEqual([1, 1]);
    const question = ofBob[0]?.[0]?.text ?? "";
    expect(question).toMatch(/^> I was charged twice.*\n\nAnd if they do not answer\?$/s);
    expect(question).toContain(`> ${first?.text.slice(0, 40)}`);
  });
});

describe("a direct message", () => {
  it("is answered; other bots, edits and empty messages are not", async () => {
    const { slack, bridge } = await bridged();
    const message = { type: "message", channel: "D0ANN", channel_type: "im", user: ANN };
    const ts = slack.newTs();
    await slack.event({ ...message, ts: slack.newTs(), text: "beep", bot_id: "B0OTHER" });
    await slack.event({ ...message, ts: slack.newTs(), subtype: "message_changed", text: "edited" });
    await slack.event({ ...message, ts: slack.newTs(), text: ` <@${BOT.userId}> ` });
    await slack.event({ ...message, ts, text: "Is 3 &gt; 2? Explain fractions to <@U0BOB|bob>" });
    await answersIn(slack, ts);
    expect(slack.messages.size).toBe(1);
    expect(slack.ephemeral.map(({ text }) => text)).toEqual([
      expect.stringContaining("/patchbay pin support"),
    ]);
    await bridge.close();
  });
});

describe("a workspace without streaming", () => {
  it("gets edits, slowly, waits as long as a 429 says, and plain buttons", async () => {
    const { slack } = await bridged({ without: ["chat.startStream", "context_actions"] });
    slack.limit("chat.update", 1, 2);
    const ts = slack.newTs();
    await slack.event(mention(ts, LONG_QUESTION));
    const [answer] = await answersIn(slack, ts);
    expect(answer?.history.length).toBeGreaterThan(2);
    for (const [index, text] of answer?.history.entries() ?? [])
      expect(answer?.text.startsWith(text), `edit ${index}`).toBe(true);
    expect(answer?.blocks.map(({ type }) => type)).toEqual(["markdown", "context", "actions"]);
    const updates = slack.callsOf("chat.update");
    const refused = updates.findIndex(({ status }) => status === 429);
    expect((updates[refused + 1]?.at ?? 0) - (updates[refused]?.at ?? 0)).toBeGreaterThanOrEqual(2_000);
    const gaps = updates.slice(1, -2).map(({ at }, index) => at - (updates[index]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(1_000);
    // A second answer does not ask for what is not there.
    const again = slack.newTs();
    await slack.event(mention(again, REFUND));
    await answersIn(slack, again);
    expect(slack.callsOf("chat.startStream")).toHaveLength(1);
  });
});

describe("votes in Slack", () => {
  it("come from buttons and reactions, in any order, from whoever asked", async () => {
    const { slack, bridge, storeFile } = await bridged();
    const ts = slack.newTs();
    await slack.event(mention(ts, REFUND));
    const [answer] = await answersIn(slack, ts);
    const on = { channel: CHANNEL, ts: answer?.ts ?? "", thread: ts };
    const reaction = (type: string, name: string, at: string, user = ANN) =>
      slack.event({
        type,
        user,
        reaction: name,
        event_ts: at,
        item: { type: "message", channel: CHANNEL, ts: on.ts },
      });

    await slack.press("-1", on, BOB);
    await expect
      .poll(() => slack.ephemeral.at(-1))
      .toEqual({ user: BOB, text: "Only whoever asked can rate this answer." });
    await slack.press("-1", on, ANN);
    await expect.poll(() => slack.ephemeral.at(-1)).toEqual({ user: ANN, text: "Saved: thumbs down." });
    const [earlier, later] = [slack.newTs(), slack.newTs()];
    await reaction("reaction_added", "+1::skin-tone-3", later);
    await reaction("reaction_added", "tada", slack.newTs());
    // Given before and taken back before the thumb that counts, delivered after it.
    await reaction("reaction_removed", "+1", earlier);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await bridge.close();
    const [conversation] = await conversationsOf(storeFile, ANN);
    expect(answersOf(conversation)[0]?.vote?.value).toBe(1);
  });

  it("are taken back with the reaction, and wait for an answer that is being written", async () => {
    const { slack, bridge, storeFile } = await bridged();
    const ts = slack.newTs();
    await slack.event(mention(ts, LONG_QUESTION));
    await expect.poll(() => slack.inThread(ts).length, { timeout: 20_000 }).toBe(1);
    const item = { type: "message", channel: CHANNEL, ts: slack.inThread(ts)[0]?.ts };
    const act = (type: string, on: object) =>
      slack.event({ type, user: ANN, reaction: "-1", event_ts: slack.newTs(), item: on });
    await act("reaction_added", item);
    await slack.event(mention(slack.newTs(), "Where is my parcel?", ANN, ts));
    const [, second] = await answersIn(slack, ts, 2);
    await act("reaction_added", { ...item, ts: second?.ts });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await act("reaction_removed", { ...item, ts: second?.ts });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await bridge.close();
    const [conversation] = await conversationsOf(storeFile, ANN);
    expect(answersOf(conversation).map(({ vote }) => vote?.value ?? null)).toEqual([-1, null]);
  });
});

describe("a restart of the bridge", () => {
  it("goes on with the answer in its message, and with the thread's conversation", async () => {
    const { slack, bridge, storeFile, restart } = await bridged();
    const ts = slack.newTs();
    await slack.event(mention(ts, LONG_QUESTION));
    await expect.poll(() => slack.inThread(ts).length, { timeout: 20_000 }).toBe(1);
    await bridge.close();
    expect(slack.inThread(ts).some(hasEnded)).toBe(false);
    const second = await restart();
    const [answer] = await answersIn(slack, ts);
    await slack.event(mention(ts, LONG_QUESTION), { retry: 1 });
    await slack.event(mention(slack.newTs(), "Thanks!", ANN, ts));
    await answersIn(slack, ts, 2);
    await second.close();
    const conversations = await conversationsOf(storeFile, ANN);
    expect(conversations).toHaveLength(1);
    expect(answersOf(conversations[0])[0]?.text).toBe(answer?.text);
  });

  it("is refused while another bridge uses its file", async () => {
    const { restart } = await bridged();
    await expect(restart()).rejects.toMatchObject({ code: "data-in-use" });
  });
});

describe("/patchbay", () => {
  it("pins an expert for a person in a channel, and gives the choice back", async () => {
    const { slack } = await bridged();
    const where = { channel: CHANNEL, user: ANN };
    expect(await slack.command("pin helth", where)).toMatch(/no expert `helth`.*`health`/);
    expect(await slack.command("pin health", where)).toContain("`health` answers you here");
    expect(await slack.command("experts", where)).toMatch(/`health` \(pinned\): .*\n.*`support`: /s);
    const [pinned, others] = [slack.newTs(), slack.newTs()];
    await slack.event(mention(pinned, REFUND));
    await slack.event(mention(others, REFUND, BOB));
    expect(contextOf((await answersIn(slack, pinned))[0])).toMatch(/Health · pinned.*not medical advice/);
    expect(contextOf((await answersIn(slack, others))[0])).toContain("Support ·");
    expect(await slack.command("unpin", where)).toContain("router");
    await slack.event(mention(slack.newTs(), "I want a refund for my order", ANN, pinned));
    expect(contextOf((await answersIn(slack, pinned, 2))[1])).toContain("Support ·");
    expect(await slack.command("what is this", where)).toContain("/patchbay pin support");
  });
});

describe("events over HTTP", () => {
  it("are taken with Slack's signature alone, and once, however often they are sent again", async () => {
    const secret = "8f742231b10e8888abcd99yyyzzz85a5";
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const { slack } = await bridged({ env: { SLACK_SIGNING_SECRET: secret, SLACK_PORT: String(port) } });
    const url = `http://127.0.0.1:${port}/slack/events`;
    const challenge = JSON.stringify({ type: "url_verification", challenge: "c4" });
    expect(await (await sendSigned(url, challenge, { secret })).json()).toEqual({ challenge: "c4" });

    const ts = slack.newTs();
    const body = JSON.stringify(eventBody(mention(ts, REFUND), "Ev7"));
    const hourAgo = Date.now() - 3_600_000;
    expect((await sendSigned(url, body, { secret: "wrong" })).status).toBe(401);
    expect((await sendSigned(url, body, { secret, at: hourAgo })).status).toBe(401);
    expect((await fetch(url, { method: "POST", body })).status).toBe(401);
    expect(slack.messages.size).toBe(0);
    for (const retry of ["0", "1", "2"]) {
      const headers = { "x-slack-retry-num": retry, "x-slack-retry-reason": "http_timeout" };
      expect((await sendSigned(url, body, { secret, headers })).status).toBe(200);
    }
    await answersIn(slack, ts);
    expect((await sendSigned(url, body, { secret })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(slack.inThread(ts)).toHaveLength(1);
  });
});

describe("a server behind the bridge", () => {
  it("that has keys knows each person by a session of the bridge's key, which ends with it", async () => {
    const config = testConfig();
    const patchbay = await startServer(config);
    const { key, id, db } = await keyFor(config.dataDir);
    const wrong = { url: patchbay.url, key: "pb-wrong" };
    await expect(bridged({ patchbay: wrong })).rejects.toMatchObject({ code: "not-signed-in" });
    const { slack } = await bridged({ patchbay: { url: patchbay.url, key } });
    const [ofAnn, ofBob] = [slack.newTs(), slack.newTs()];
    await Promise.all([slack.event(mention(ofAnn, REFUND)), slack.event(mention(ofBob, REFUND, BOB))]);
    await Promise.all([answersIn(slack, ofAnn), answersIn(slack, ofBob)]);
    const owners = await db.selectFrom("conversations").select("user_id").distinct().execute();
    expect(owners).toHaveLength(2);
    await revokeApiKey(db, id, new Date().toISOString());
    const late = slack.newTs();
    await slack.event(mention(late, "Thanks", ANN));
    expect(contextOf((await answersIn(slack, late))[0])).toContain(":warning:");
  });

  it("that is restarted answers what was asked meanwhile, and says what it could not end", async () => {
    const config = testConfig();
    const first = await Patchbay.start(config);
    await first.ready;
    const { slack } = await bridged({ patchbay: { url: first.url, key: undefined } });
    const [ts, meanwhile] = [slack.newTs(), slack.newTs()];
    await slack.event(mention(ts, LONG_QUESTION));
    await expect.poll(() => slack.inThread(ts).length, { timeout: 20_000 }).toBe(1);
    await first.close();
    await slack.event(mention(meanwhile, REFUND, BOB));
    const second = await Patchbay.start({ ...config, port: Number(new URL(first.url).port) });
    onTestFinished(() => second.close());
    const [interrupted] = await answersIn(slack, ts);
    expect(interrupted?.text.length).toBeGreaterThan(0);
    expect(contextOf(interrupted)).toContain(":warning:");
    expect(contextOf((await answersIn(slack, meanwhile))[0])).toContain("Support ·");
    expect(slack.inThread(meanwhile)).toHaveLength(1);
  });
});

/** A key of the server with this data folder, and its database. */
async function keyFor(dataDir: string) {
  const db = await openDatabase(path.join(dataDir, "patchbay.sqlite"));
  onTestFinished(() => db.destroy());
  const now = () => new Date().toISOString();
  return {
    db,
    ...(await createApiKey(
      db,
      { name: "slack", scopes: ["chat", "feedback"], perMinute: null },
      { newId: ulid, now },
    )),
  };
}

describe("what is wrong with a bridge", () => {
  it("is told at its start: tokens that Slack refuses", async () => {
    const slack = await SlackWorkspace.start();
    onTestFinished(() => slack.close());
    const start = (tokens: Record<string, string>) =>
      SlackBridge.start({
        slack: readSlackSettings({ SLACK_API_URL: slack.apiUrl, ...tokens }),
        patchbay: { url: server().url, key: undefined },
        storeFile: path.join(temporaryFolder(), "slack.sqlite"),
        log: () => undefined,
      });
    const refused = { code: "not-signed-in", message: "Slack refuses: invalid_auth." };
    await expect(start({ SLACK_BOT_TOKEN: "xoxb-no", SLACK_APP_TOKEN: BOT.appToken })).rejects.toMatchObject(
      refused,
    );
    await expect(start({ SLACK_BOT_TOKEN: BOT.token, SLACK_APP_TOKEN: "xapp-no" })).rejects.toMatchObject(
      refused,
    );
  });
});
