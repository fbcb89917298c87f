import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Answer } from "../../client/sdk/index.ts";
import { blocksBelow } from "../../client/slack/blocks.ts";
import { readSlackSettings } from "../../client/slack/index.ts";
import { harmless, PAGE_CHARS, pages, plainText } from "../../client/slack/text.ts";

describe("what somebody writes in Slack", () => {
  it.each([
    ["<@U0BOT> where is my parcel?", "where is my parcel?"],
    ["hey <@U0BOT>, ask <@U0ANN|ann> or <@U0BOB>", "hey , ask @ann or @U0BOB"],
    ["in <#C1|general> &amp; <!here>: 3 &gt; 2 &lt; 4", "in #general & @here: 3 > 2 < 4"],
    [
      "see <https://a.example/x?a=1&amp;b=2|the page> or <https://b.example>",
      "see the page (https://a.example/x?a=1&b=2) or https://b.example",
    ],
    ["&amp;lt; stays", "&lt; stays"],
  ])("%j is asked as %j", (written, asked) => expect(plainText(written, "U0BOT")).toBe(asked));
});

describe("an answer in Slack", () => {
  it("calls nobody", () => {
    expect(harmless("<!channel> <@U1> <#C1> a<b")).not.toMatch(/<[!@#]/);
    expect(harmless("a < b")).toBe("a < b");
  });

  it("is a beginning of what it becomes, so that it can be streamed", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("<", "!", "@", "a", "😀") }), fc.nat(), (text, cut) => {
        expect(harmless(text).startsWith(harmless(text.slice(0, cut)))).toBe(true);
      }),
    );
  });

  it("comes in as many messages as it needs, and nothing is lost", () => {
    const text = "😀 word ".repeat(PAGE_CHARS / 4);
    expect(pages(text).length).toBe(Math.ceil(Array.from(text).length / PAGE_CHARS));
    expect(pages(text).join("")).toBe(text);
    expect(pages("")).toEqual([""]);
  });

  it("says who gave it, what went wrong and what it is not, without markup from a title", () => {
    const answer = {
      text: "Rest.",
      status: "interrupted",
      error: { code: "interrupted", message: "The server stopped." },
      expert: { id: "health", title: "Health <!here>", version: "1", sha256: null },
      decision: { pinned: false, confidence: 0.934 },
      droppedTurns: 0,
      cost: null,
    } as Answer;
    const [context, thumbs] = blocksBelow(answer, "not medical advice", "feedback");
    expect(JSON.stringify(context)).toContain(
      "Health &lt;!here&gt; · 93% sure\\n:warning: The server stopped.\\nnot medical advice",
    );
    expect(thumbs?.type).toBe("context_actions");
    expect(blocksBelow({ ...answer, text: "" }, null, "feedback").map(({ type }) => type)).toEqual([
      "context",
    ]);
  });
});

describe("the bridge's settings", () => {
  const bot = { SLACK_BOT_TOKEN: "xoxb-1" };
  it.each([
    [{}, /SLACK_BOT_TOKEN is missing/, /OAuth & Permissions/],
    [{ SLACK_BOT_TOKEN: "xapp-1" }, /SLACK_BOT_TOKEN does not look like one/, /Bot User OAuth Token/],
    [bot, /SLACK_APP_TOKEN is missing/, /connections:write.*SLACK_SIGNING_SECRET/],
    [{ ...bot, SLACK_SIGNING_SECRET: "s", SLACK_PORT: "http" }, /SLACK_PORT is not a port/, /65535/],
  ])("%j are refused with where to get what is missing", (env, message, hint) => {
    expect(() => readSlackSettings(env as Record<string, string>)).toThrowError(
      expect.objectContaining({
        code: "bad-request",
        message: expect.stringMatching(message),
        hint: expect.stringMatching(hint),
      }),
    );
  });

  it("choose the socket where there is an app token, else signed requests", () => {
    expect(
      readSlackSettings({ ...bot, SLACK_APP_TOKEN: "xapp-1", SLACK_SIGNING_SECRET: "s" }).events.by,
    ).toBe("socket");
    expect(readSlackSettings({ ...bot, SLACK_SIGNING_SECRET: "s" }).events).toEqual({
      by: "http",
      signingSecret: "s",
      port: 3001,
    });
  });
});
