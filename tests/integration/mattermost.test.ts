import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { BridgeStore } from "../../client/bridge/index.ts";
import { MattermostBridge, readMattermostSettings } from "../../client/mattermost/index.ts";
import type { Answer, Message } from "../../client/sdk/index.ts";
import { temporaryFolder } from "../support/folder.ts";
import { connectAs, serverForAll } from "../support/server.ts";

const server = serverForAll();
const REFUND = "I was charged twice, how do I get my money back?";
const TOKEN = "r4k5";

/** What a service takes through its incoming webhook; busy for the first `busy` requests. */
async function incomingWebhook(busy = 0) {
  const posts: { text: string; channel: string; at: number }[] = [];
  const refused: number[] = [];
  const http = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    if (refused.length < busy) {
      refused.push(Date.now());
      return void response.writeHead(429, { "retry-after": "1" }).end();
    }
    posts.push({ ...JSON.parse(body), at: Date.now() });
    response.end("ok");
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void http.close());
  return { posts, refused, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/hooks/x` };
}

async function bridged(incomingUrl: string, replyMs?: number) {
  const storeFile = path.join(temporaryFolder(), "mattermost.sqlite");
  const bridge = await MattermostBridge.start({
    mattermost: readMattermostSettings({
      MATTERMOST_TOKEN: `other,${TOKEN}`,
      MATTERMOST_INCOMING_URL: incomingUrl,
      MATTERMOST_PORT: "0",
    }),
    patchbay: { url: server().url, key: undefined },
    storeFile,
    log: () => undefined,
    ...(replyMs !== undefined && { replyMs }),
  });
  onTestFinished(() => bridge.close());
  let post = 0;
  const messageOf = (text: string, more: object = {}) => ({
    token: TOKEN,
    team_id: "t1",
    channel_id: "c1",
    channel_name: "town-square",
    timestamp: 1_700_000_000_000 + ++post,
    user_id: "ann",
    user_name: "ann",
    post_id: `post${post}`,
    text: `#ask ${text}`,
    trigger_word: "#ask",
    file_ids: "",
    ...more,
  });
  const send = async (message: object) => {
    const response = await fetch(`http://127.0.0.1:${bridge.port}/`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(message),
    });
    return {
      status: response.status,
      ...((await response.json()) as { text?: string; response_type?: string }),
    };
  };
  const say = (text: string, more: object = {}) => send(messageOf(text, more));
  return { bridge, storeFile, messageOf, send, say };
}

/** What the server keeps for a person; the bridge has to be closed. */
async function conversationsOf(storeFile: string, user: string): Promise<Message[][]> {
  const store = new BridgeStore(storeFile);
  const client = await connectAs(server().url, store.cookieOf(user) ?? "");
  store.close();
  const { conversations } = await client.call("conversation:list", {});
  const opened = conversations.map(({ id }) => client.call("conversation:open", { conversationId: id }));
  return (await Promise.all(opened)).map(({ messages }) => messages);
}

describe("a message through an outgoing webhook", () => {
  it("is answered in its thread by its expert; what a person asks in a channel is one conversation until `new`", async () => {
    const { url, posts } = await incomingWebhook();
    const { bridge, storeFile, say } = await bridged(url);
    const first = await say(REFUND);
    expect(first).toMatchObject({
      status: 200,
      response_type: "comment",
      text: expect.stringMatching(/\w{3}.*_Support · \d+% sure/s),
    });
    await say("And how long does that take?");
    expect((await say("up: very clear")).text).toBe("Saved: thumbs up.");
    expect((await say("new")).text).toContain("new conversation");
    await say("Recommend me a funny movie");
    await say(REFUND, { user_id: "bob", user_name: "bob" });
    expect(posts).toEqual([]);
    await bridge.close();

    const [ofAnn, ofBob] = [await conversationsOf(storeFile, "ann"), await conversationsOf(storeFile, "bob")];
    expect(ofAnn.map((messages) => messages.length)).toEqual([2, 4]);
    const rated = ofAnn[1]?.at(-1) as Answer;
    expect(rated.vote).toMatchObject({ value: 1, comment: "very clear" });
    // What Ann asked in the channel is no part of it.
    expect(ofBob.map(([question]) => question?.text)).toEqual([REFUND]);
  });

  it("is answered through the incoming webhook where it takes long, after the 429 has passed, and once", async () => {
    const { url, posts, refused } = await incomingWebhook(1);
    const { messageOf, send } = await bridged(url, 1);
    const message = messageOf(REFUND);
    const replies = await Promise.all([send(message), send(message)]);
    expect(replies.map(({ text }) => text)).toEqual([undefined, undefined]);
    await expect.poll(() => posts.length, { timeout: 30_000 }).toBe(1);
    expect(posts[0]).toMatchObject({
      channel: "town-square",
      text: expect.stringMatching(/^> I was charged.*Support ·/s),
    });
    expect((posts[0]?.at ?? 0) - (refused[0] ?? 0)).toBeGreaterThanOrEqual(1_000);
    expect((await send(message)).text).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(posts).toHaveLength(1);
  });

  it("may be a form, as Slack's own webhooks send it, and can pin an expert", async () => {
    const { url } = await incomingWebhook();
    const { bridge, say } = await bridged(url);
    expect((await say("pin health")).text).toContain("`health` answers you here");
    const form = new URLSearchParams({
      token: TOKEN,
      team_id: "t1",
      channel_id: "c1",
      channel_name: "town-square",
      user_id: "ann",
      timestamp: "1700000100.000200",
      text: `#ask: ${REFUND}`,
      trigger_word: "#ask",
    });
    const response = await fetch(`http://127.0.0.1:${bridge.port}/`, { method: "POST", body: form });
    expect(await response.json()).toMatchObject({ text: expect.stringContaining("Health · pinned") });
    expect((await say("experts")).text).toContain("`health` (pinned)");
    expect((await say("")).text).toContain("trigger word");
  });

  it("is refused without the right token or shape, and the bridge goes on", async () => {
    const { url } = await incomingWebhook();
    const { bridge, say, send } = await bridged(url);
    expect(await say(REFUND, { token: "wrong" })).toMatchObject({ status: 401 });
    expect(await send({ token: TOKEN })).toMatchObject({
      status: 400,
      text: expect.stringContaining("channel_id"),
    });
    const broken = await fetch(`http://127.0.0.1:${bridge.port}/`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{",
    });
    expect(broken.status).toBe(400);
    expect((await say("down")).text).toBe("There is no answer to rate yet.");
    expect((await say("help")).status).toBe(200);
  });
});
