import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer } from "../support/server.ts";
import { LONG_QUESTION } from "../support/talk.ts";
import { launchBrowser } from "./browser.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const hook = (name: string): string => `[data-testid="${name}"]`;

async function ask(page: Page, text: string): Promise<void> {
  await page.fill(hook("composer"), text);
  await page.keyboard.press("Enter");
}

/** Waits until the answer at this place is written; an answer may also end at its length limit. */
const answered = (page: Page, index: number) =>
  page
    .locator(hook("answer"))
    .nth(index)
    .and(page.locator('[data-status="complete"], [data-status="cut-off"]'))
    .waitFor({ timeout: 60_000 });

const stopped = (page: Page, index: number) =>
  page.locator(hook("answer")).nth(index).and(page.locator('[data-status="stopped"]')).waitFor();

describe("a person at the page", () => {
  it("asks, sees who answers and why, stops one, votes, reloads, and all is still there", async () => {
    const { url } = await startServer();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol.startsWith("http") && hostname !== "127.0.0.1")
        problems.push(`left the machine: ${request.url()}`);
    });

    await page.goto(url);
    await ask(page, "I was charged twice, how do I get my money back?");
    await answered(page, 0);
    const first = page.locator(hook("answer")).first();
    expect(await first.getAttribute("data-expert")).toBe("support");
    expect(await first.locator(hook("chip")).innerText()).toMatch(/Support[\s\S]*\d+%/);
    await first.locator(hook("chip")).click();
    const details = page.locator(hook("chip-details")).and(page.locator(":visible"));
    expect(await details.innerText()).toMatch(/support@\d+/);
    expect(await details.innerText()).toContain("charged twice");
    await page.keyboard.press("Escape");

    await ask(page, "I have a headache and a fever since yesterday, what should I look out for?");
    await answered(page, 1);
    const second = page.locator(hook("answer")).nth(1);
    expect(await second.getAttribute("data-expert")).toBe("health");
    expect(await second.locator(hook("notice")).innerText()).toContain("not medical advice");

    await second.locator(hook("vote-down")).click();
    await page.locator(hook("vote-panel")).waitFor();
    await page.fill(hook("vote-comment"), "Say it shorter");
    await page.fill(hook("vote-correction"), "Rest, drink, and see a doctor if it lasts.");
    await page.click(hook("vote-save"));
    await first.locator(hook("vote-up")).click();

    await ask(page, LONG_QUESTION);
    await page.click(hook("stop"));
    await stopped(page, 2);

    const texts = await page.locator(hook("answer")).allInnerTexts();
    await page.reload();
    await stopped(page, 2);
    expect(await page.locator(hook("answer")).count()).toBe(3);
    expect((await page.locator(hook("answer")).allInnerTexts()).map((text) => text.slice(0, 80))).toEqual(
      texts.map((text) => text.slice(0, 80)),
    );
    expect(await first.locator(hook("vote-up")).getAttribute("aria-pressed")).toBe("true");
    expect(await second.locator(hook("vote-down")).getAttribute("aria-pressed")).toBe("true");
    expect(await page.locator(hook("conversation-item")).first().innerText()).toContain("charged twice");
    expect(problems).toEqual([]);
    await context.close();
  }, 180_000);

  it("asks while the page is still connecting, and is answered once it is connected", async () => {
    const { url } = await startServer();
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    let connect: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      connect = resolve;
    });
    await page.routeWebSocket(/socket\.io/, async (socket) => {
      await asked;
      socket.connectToServer();
    });
    await page.goto(url);
    await ask(page, "Where is my parcel?");
    expect(await page.locator(hook("composer")).inputValue()).toBe("Where is my parcel?");
    expect(await page.locator(hook("composer-problem")).count()).toBe(0);
    connect();
    await answered(page, 0);
    expect(await page.locator(hook("composer")).inputValue()).toBe("");
    await page.close();
  }, 120_000);

  it("reloads in mid-answer and sees the rest", async () => {
    const { url } = await startServer();
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    await page.goto(url);
    await ask(page, "Tell me a very long story about a lighthouse, with many chapters and much detail.");
    await page.locator(`${hook("answer")}[data-status="streaming"]`).waitFor();
    await page.reload();
    const answer = page.locator(hook("answer")).first();
    await expect.poll(() => answer.getAttribute("data-status"), { timeout: 60_000 }).not.toBe("streaming");
    expect(["complete", "cut-off"]).toContain(await answer.getAttribute("data-status"));
    expect((await answer.innerText()).length).toBeGreaterThan(100);
    await page.close();
  }, 120_000);
});
