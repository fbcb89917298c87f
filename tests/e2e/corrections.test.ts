import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Health } from "../../server/protocol/index.ts";
import { startServer } from "../support/server.ts";
import { launchBrowser } from "./browser.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const hook = (name: string): string => `[data-testid="${name}"]`;
/** Between two experts; what the router makes of each changes with its examples. */
const CLOSE_CALLS = [
  "what does the brain do while we sleep",
  "how do muscles grow",
  "i feel sick of learning maths",
  "does the game console have a warranty",
  "how long does it take to learn the piano",
];
const POOL = "when does the swimming pool open today?";

async function ask(page: Page, text: string): Promise<void> {
  await page.fill(hook("composer"), text);
  await page.keyboard.press("Enter");
}

const answered = (page: Page, expert: string) =>
  page
    .locator(`${hook("answer")}[data-expert="${expert}"]`)
    .and(page.locator('[data-status="complete"], [data-status="cut-off"]'))
    .waitFor({ timeout: 60_000 });

describe("a person who sees that the wrong expert answered", () => {
  it("says who should have, who then answers, and the same words find that expert in a new conversation", async () => {
    const { url } = await startServer();
    const router = async () => {
      const health = (await (await fetch(`${url}/health`)).json()) as Extract<Health, { status: "ready" }>;
      return health.router.name;
    };
    const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
    const page = await context.newPage();
    await page.goto(url);
    await ask(page, POOL);
    await answered(page, "base");
    await page.click(hook("chip"));
    const details = page.locator(hook("chip-details")).and(page.locator(":visible"));
    expect(await details.innerText()).toMatch(/\d+% sure.*(next .+ with|had) <?\d+%/);
    expect(await details.locator(hook("by-words")).innerText()).toContain("words alone");
    await page.keyboard.press("Escape");

    expect(await router()).toBe("router@1");
    await page.click(hook("wrong-expert"));
    await page.click(hook("belongs-to-support"));
    await answered(page, "support");
    expect(await page.locator(hook("wrong-expert")).innerText()).toBe("Corrected: Support");
    await page.reload();
    await answered(page, "support");
    expect(await page.locator(hook("wrong-expert")).innerText()).toBe("Corrected: Support");

    await expect.poll(router, { timeout: 90_000, interval: 500 }).toBe("router@2");
    const first = page.url();
    await page.goto(url);
    await ask(page, POOL);
    await answered(page, "support");
    expect(await page.locator(hook("chip")).innerText()).toMatch(/Support[\s\S]*\d+%/);

    await page.goto(first);
    await answered(page, "support");
    await page.click(hook("wrong-expert"));
    await page.click(hook("correction-retract"));
    // The answer that is shown was asked of an expert by name, which leaves nothing to correct.
    await page.locator(hook("wrong-expert")).waitFor({ state: "detached" });
    await expect.poll(router, { timeout: 90_000, interval: 500 }).toBe("router@1");
    await context.close();
  }, 240_000);

  it("is offered the other expert where it was a close call", async () => {
    const { url } = await startServer();
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    for (const text of CLOSE_CALLS) {
      await page.goto(url);
      await ask(page, text);
      const answer = page.locator(hook("answer")).and(page.locator(':not([data-status="streaming"])'));
      await answer.waitFor({ timeout: 60_000 });
      expect(["complete", "cut-off"], await answer.innerText()).toContain(
        await answer.getAttribute("data-status"),
      );
      if ((await page.locator(hook("close-call")).count()) > 0) break;
    }
    const before = await page.locator(hook("answer")).getAttribute("data-expert");
    await page.click(hook("close-call-ask"));
    await expect
      .poll(() => page.locator(hook("answer")).getAttribute("data-expert"), { timeout: 60_000 })
      .not.toBe(before);
    expect(await page.locator(hook("siblings")).innerText()).toMatch(/2 \/ 2/);
    await page.close();
  }, 120_000);
});
