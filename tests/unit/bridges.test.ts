import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { BridgeStore, expertLine, People, Turns } from "../../client/bridge/index.ts";
import { MattermostBridge, readMattermostSettings } from "../../client/mattermost/index.ts";
import type { Answer } from "../../client/sdk/index.ts";
import { readSlackSettings, SlackBridge } from "../../client/slack/index.ts";
import { PAGE_CHARS } from "../../client/slack/text.ts";
import { temporaryFolder } from "../support/folder.ts";
import { ScriptedPatchbay } from "../support/scripted-patchbay.ts";
import { BOT, SlackWorkspace } from "../support/slack-workspace.ts";

const [ANN, CHANNEL] = ["U0ANN", "C0HELP"];
const SECRET = "8f742231b10e8888abcd99yyyzzz85a5";
const LATER = { timeout: 15_000 };

/** A workspace, a bridge to a scripted server, and what the bridge logs. */
async function slackBridged(env: Record<string, string> = { SLACK_APP_TOKEN: BOT.appToken }) {
  const patchbay = await ScriptedPatchbay.start();
  const slack = await SlackWorkspace.start();
  onTestFinished(() => slack.close());
  const storeFile = path.join(temporaryFolder(), "slack.sqlite");
  const log: string[] = [];
  const start = async () => {
    const bridge = await SlackBridge.start({
      slack: readSlackSettings({ SLACK_BOT_TOKEN: BOT.token, SLACK_API_URL: slack.apiUrl, ...env }),
      patchbay: { url: patchbay.url, key: undefined },
      storeFile,
      log: (line) => log.push(line),
    });
    running.push(bridge);
    return bridge;
  };
  const running: SlackBridge[] = [];
  onTestFinished(async () => void (await running.at(-1)?.close()));
  const bridge = await start();
  const ended = (thread: string) =>
    slack.inThread(thread).filter(({ streaming, blocks }) => !streaming && blocks.length > 0);
  const ask = (ts: string, text = "Where is my parcel?", thread?: string) =>
    slack.event({
      type: "app_mention",
      channel: CHANNEL,
      user: ANN,
      ts,
      event_ts: ts,
      ...(thread && { thread_ts: thread }),
      text: `<@${BOT.userId}> ${text}`,
    });
  const react = (type: "reaction_added" | "reaction_removed", ts: string | undefined) =>
    slack.event({
      type,
      user: ANN,
      reaction: "+1",
      event_ts: slack.newTs(),
      item: { type: "message", channel: CHANNEL, ts },
    });
  return { patchbay, slack, bridge, storeFile, log, start, ended, ask, react };
}

/** Settings of a bridge to which Slack sends signed requests, and how to make the workspace do so. */
function signed() {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  return {
    env: { SLACK_SIGNING_SECRET: SECRET, SLACK_PORT: String(port) },
    url: `http://127.0.0.1:${port}/slack/events`,
  };
}

const pageOf = (letter: string) => letter.repeat(PAGE_CHARS);

describe("an answer on its way to Slack", () => {
  it("comes whole over trouble at Slack and a restart, each page once", async () => {
    const { patchbay, slack, bridge, log, start, ended, ask } = await slackBridged();
    patchbay.pieces = ["a", "b", "c"].map(pageOf);
    // The second page is taken, the third is not.
    slack.refuse("chat.postMessage", "", "internal_error");
    const ts = slack.newTs();
    await ask(ts);
    await expect.poll(() => log.join(), LATER).toContain("next try in 2 s");
    expect(ended(ts)).toHaveLength(1);
    await bridge.close();
    await start();
    await expect.poll(() => slack.inThread(ts).at(-1)?.text, LATER).toBe(pageOf("c"));
    expect(slack.inThread(ts).map(({ text }) => text)).toEqual(patchbay.pieces);
    expect(patchbay.questions).toHaveLength(1);
  });

  it("is not posted again after a restart where it was being posted when the bridge closed", async () => {
    const { patchbay, slack, bridge, start, ask } = await slackBridged();
    patchbay.pieces = ["a", "b", "c"].map(pageOf);
    slack.delay("chat.postMessage", 300);
    const ts = slack.newTs();
    await ask(ts);
    await expect.poll(() => slack.callsOf("chat.postMessage").length, LATER).toBe(1);
    await bridge.close();
    await start();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(slack.inThread(ts).map(({ text }) => text)).toEqual(patchbay.pieces);
  });

  it("is given up, with Slack's reason, where the channel is gone; the next question is answered", async () => {
    const { slack, log, ended, ask } = await slackBridged();
    slack.refuse("chat.startStream", "is_archived");
    slack.refuse("chat.postMessage", "is_archived", "is_archived");
    const ts = slack.newTs();
    await ask(ts);
    await expect.poll(() => log.join(), LATER).toMatch(/cannot be shown \(is_archived\) and is given up/);
    await ask(slack.newTs(), "And now?", ts);
    await expect.poll(() => ended(ts).length, LATER).toBe(1);
  });

  it("waits as long as a 429 says in the middle of a stream, and nothing is lost or doubled", async () => {
    const { patchbay, slack, ended, ask } = await slackBridged();
    patchbay.pieces = ["One. ", "Two. ", "Three. ", "Four. ", "Five."];
    patchbay.pieceMs = 400;
    slack.limit("chat.appendStream", 1, 1);
    const ts = slack.newTs();
    await ask(ts);
    await expect.poll(() => ended(ts)[0]?.text, LATER).toBe("One. Two. Three. Four. Five.");
    const [refused, next] = slack.callsOf("chat.appendStream");
    expect(refused?.status).toBe(429);
    expect((next?.at ?? 0) - (refused?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  it("has status lines after one that failed, and none where the workspace has none", async () => {
    const { slack, ended, ask } = await slackBridged();
    const statuses = () => slack.callsOf("assistant.threads.setStatus").length;
    slack.refuse("assistant.threads.setStatus", "internal_error", "", "missing_scope");
    for (const [asked, said] of [1, 2, 3, 3].entries()) {
      const ts = slack.newTs();
      await ask(ts, `Question ${asked}`);
      await expect.poll(() => ended(ts).length, LATER).toBe(1);
      expect(statuses()).toBe(said);
    }
  });
});

describe("a question from Slack", () => {
  it.each(["socket", "http"] as const)(
    "is acknowledged over %s only when it is stored, and answered when it comes again",
    async (by) => {
      const { env, url } = signed();
      const { slack, ended, ask } = await slackBridged(by === "http" ? env : undefined);
      if (by === "http") slack.tellBySigned(url, SECRET);
      vi.spyOn(BridgeStore.prototype, "take").mockImplementationOnce(() => {
        throw new Error("database or disk is full");
      });
      const ts = slack.newTs();
      const silence = new Promise((resolve) => setTimeout(resolve, 500, "silence"));
      expect(await Promise.race([ask(ts), silence])).toBe(by === "http" ? 500 : "silence");
      await ask(ts);
      await expect.poll(() => ended(ts).length, LATER).toBe(1);
    },
  );

  it("that comes while the bridge closes is answered after the next start", async () => {
    const patchbay = await ScriptedPatchbay.start();
    const store = new BridgeStore(path.join(temporaryFolder(), "bridge.sqlite"));
    const people = new People({ url: patchbay.url, key: undefined }, store);
    onTestFinished(() => {
      people.close();
      store.close();
    });
    const shown: string[] = [];
    const turns = () =>
      new Turns({
        store,
        people,
        post: () => ({
          update: async () => undefined,
          end: async ({ text }) => void shown.push(text),
          fail: async ({ message }) => void shown.push(message),
        }),
        refusalIn: () => null,
        log: () => undefined,
      });
    const closing = turns();
    await closing.close();
    const question = { place: "c", id: "1", thread: "1", author: "ann", askedAt: "1", text: "Well?" };
    expect(closing.take(question)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(shown).toEqual([]);
    const next = turns();
    next.resume();
    await expect.poll(() => shown, LATER).toEqual(["Hello there."]);
    await next.close();
  });
});

describe("a question from Slack to a server that is just stopping or starting", () => {
  it.each(["conversation:create", "message:send", "subscribe"] as const)(
    "is answered once it is there, where %s was refused",
    async (event) => {
      const { patchbay, slack, ended, ask } = await slackBridged();
      patchbay.refuse(event, "starting", "starting");
      const ts = slack.newTs();
      await ask(ts);
      await expect.poll(() => ended(ts)[0]?.text, LATER).toBe("Hello there.");
      expect(slack.inThread(ts)).toHaveLength(1);
      expect(patchbay.questions).toHaveLength(1);
    },
  );
});

describe("a reaction in Slack", () => {
  it("counts once the server can save it again, also after a restart", async () => {
    const { patchbay, slack, bridge, log, start, ended, ask, react } = await slackBridged();
    const ts = slack.newTs();
    await ask(ts);
    await expect.poll(() => ended(ts).length, LATER).toBe(1);
    patchbay.refuse("vote:set", "storage-full", "storage-full");
    await react("reaction_added", ended(ts)[0]?.ts);
    await expect.poll(() => log.join(), LATER).toContain("a vote was not saved");
    await bridge.close();
    expect(patchbay.votes).toEqual([null]);
    await start();
    await expect.poll(() => patchbay.votes, LATER).toEqual([1]);
    await react("reaction_removed", ended(ts)[0]?.ts);
    await expect.poll(() => patchbay.votes, LATER).toEqual([null]);
  });
});

describe("Slack's signed requests", () => {
  it("bring slash commands and pressed buttons, each answered", async () => {
    const { env, url } = signed();
    const { patchbay, slack, ended, ask } = await slackBridged(env);
    slack.tellBySigned(url, SECRET);
    expect(await slack.command("experts", { channel: CHANNEL, user: ANN })).toContain("the base model");
    const ts = slack.newTs();
    expect(await ask(ts)).toBe(200);
    await expect.poll(() => ended(ts).length, LATER).toBe(1);
    const on = { channel: CHANNEL, ts: ended(ts)[0]?.ts ?? "", thread: ts };
    expect(await slack.press("-1", on, ANN)).toBe(200);
    await expect.poll(() => slack.ephemeral, LATER).toEqual([{ user: ANN, text: "Saved: thumbs down." }]);
    expect(patchbay.votes).toEqual([-1]);
    slack.tellBySigned(url, "wrong");
    expect(await slack.press("1", on, ANN)).toBe(401);
    expect(patchbay.votes).toEqual([-1]);
  });
});

/** A Mattermost bridge to a scripted server, whose incoming webhook replies with these statuses (0: takes a post without a reply), then 200. */
async function mattermostBridged(statuses: number[] = [], replyMs?: number) {
  const patchbay = await ScriptedPatchbay.start();
  const posts: { text: string; channel: string }[] = [];
  const hook = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    const status = statuses.shift() ?? 200;
    if (status === 200 || status === 0) posts.push(JSON.parse(body));
    if (status === 0) response.destroy();
    else response.writeHead(status).end();
  });
  await once(hook.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void hook.close());
  const log: string[] = [];
  const storeFile = path.join(temporaryFolder(), "mattermost.sqlite");
  const start = () =>
    MattermostBridge.start({
      mattermost: readMattermostSettings({
        MATTERMOST_TOKEN: "r4k5",
        MATTERMOST_INCOMING_URL: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`,
        MATTERMOST_PORT: "0",
      }),
      patchbay: { url: patchbay.url, key: undefined },
      storeFile,
      log: (line) => log.push(line),
      ...(replyMs !== undefined && { replyMs }),
    });
  let bridge = await start();
  onTestFinished(() => bridge.close());
  let post = 0;
  const say = async (text: string, more: object = {}) => {
    const message = {
      token: "r4k5",
      team_id: "t1",
      channel_id: "c1",
      channel_name: "town-square",
      timestamp: 1_700_000_000_000 + ++post,
      user_id: "ann",
      post_id: `post${post}`,
      text,
      ...more,
    };
    const response = await fetch(`http://127.0.0.1:${bridge.port}/`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
    });
    return ((await response.json()) as { text?: string }).text;
  };
  const restart = async () => {
    await bridge.close();
    bridge = await start();
  };
  return { patchbay, posts, log, say, restart };
}

describe("what is asked in Mattermost", () => {
  it("quotes nobody in a channel, the one who was answered last in a thread, and nobody of another team", async () => {
    const { patchbay, say } = await mattermostBridged();
    await say("Where is my parcel?");
    await say("Is it raining?", { user_id: "bob" });
    await say("And in my thread?", { thread_ts: "root" });
    await say("Who knows?", { user_id: "bob", thread_ts: "root" });
    await say("And here?", { user_id: "cid", thread_ts: "root", team_id: "t2", channel_id: "c2" });
    expect(patchbay.questions.map(({ text }) => text)).toEqual([
      "Where is my parcel?",
      "Is it raining?",
      "And in my thread?",
      "> And in my thread?\n> \n> Hello there.\n\nWho knows?",
      "And here?",
    ]);
  });

  it("has conversations and pins of its own in each team, however the channels are called", async () => {
    const { patchbay, say } = await mattermostBridged();
    await say("pin base");
    await say("One");
    await say("Two", { team_id: "t2", channel_id: "c2" });
    await say("Three");
    const [one, two, three] = patchbay.questions.map(({ conversationId }) => conversationId);
    expect(three).toBe(one);
    expect(two).not.toBe(one);
    expect(await say("experts", { team_id: "t2", channel_id: "c2" })).not.toContain("pinned");
    expect(await say("experts")).toContain("pinned");
  });
});

describe("an answer on its way to Mattermost", () => {
  it("is posted under the channel's name once the webhook takes it, also after a restart", async () => {
    const { posts, log, say, restart } = await mattermostBridged([503, 500], 1);
    await say("Where is my parcel?");
    await expect.poll(() => log.join(), LATER).toContain("status 503");
    await restart();
    await expect
      .poll(() => posts, LATER)
      .toEqual([
        { channel: "town-square", text: expect.stringMatching(/^> Where is my parcel\?\n\nHello there\./) },
      ]);
  });

  it("is posted twice rather than not at all where the webhook took it and the reply was lost", async () => {
    const { posts, say } = await mattermostBridged([0], 1);
    await say("Where is my parcel?");
    await expect.poll(() => posts.length, LATER).toBe(2);
    expect(posts[1]).toEqual(posts[0]);
  });

  it("is given up where the webhook is not there, and the next one is posted", async () => {
    const { posts, log, say } = await mattermostBridged([404], 1);
    await say("Where is my parcel?");
    await expect.poll(() => log.join(), LATER).toContain("(status 404) and is given up");
    await say("And now?");
    await expect.poll(() => posts.length, LATER).toBe(1);
    expect(posts[0]?.text).toMatch(/^> And now\?/);
  });
});

describe("the line under an answer", () => {
  const expert = { id: "health", title: "Health", version: "1", sha256: null };
  const remote = { engine: "hosted", model: "big-1" };
  const decision = { pinned: false, confidence: 0.934 };
  it.each([
    ["its adapter", { expert }, "Health · 93% sure"],
    ["no adapter", { expert: { ...expert, version: null } }, "Health · 93% sure · prompt alone"],
    [
      "a model elsewhere, at a cost",
      { expert: { ...expert, version: null, remote }, cost: 0.001234 },
      "Health · 93% sure · prompt alone · big-1 on hosted · cost 0.0012",
    ],
    ["the base model", { expert: { ...expert, id: "base", version: null } }, "Base model · 93% sure"],
  ])("says that it was given by %s", (_, more, line) => {
    expect(expertLine({ decision, cost: null, ...more } as Answer)).toBe(line);
  });
});

describe("a bridge's file", () => {
  it("of the first version keeps its questions", () => {
    const file = path.join(temporaryFolder(), "slack.sqlite");
    const db = new Database(file);
    db.exec(`create table turns (
        place text not null, id text not null, thread text not null, author text not null, askedAt text not null,
        text text not null, conversationId text, answerId text, post text, votedAt text,
        done integer not null default 0, primary key (place, id)
      ) strict;
      insert into turns (place, id, thread, author, askedAt, text) values ('c', '1', '1', 'ann', '1', 'Well?');
      pragma user_version = 1`);
    db.close();
    const store = new BridgeStore(file);
    onTestFinished(() => store.close());
    expect(store.unfinished()).toMatchObject([{ text: "Well?", pages: 0, channel: null }]);
    expect(store.keptVotes()).toEqual([]);
  });
});
