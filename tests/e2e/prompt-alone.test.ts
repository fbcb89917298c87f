import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adaptersFolder } from "../support/adapters.ts";
import { otherModel } from "../support/other-model.ts";
import { startServer } from "../support/server.ts";
import { launchBrowser } from "./browser.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

describe("an expert without a version for the model that runs", () => {
  it("says at its answer that its prompt alone was used, and what would train one", async () => {
    const model = await otherModel();
    const { url } = await startServer({ adaptersDir: adaptersFolder(["support"]), model: model.path });
    const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
    await page.goto(url);
    await page.fill('[data-testid="composer"]', "I was charged twice, how do I get my money back?");
    await page.keyboard.press("Enter");
    const chip = page.locator('[data-testid="chip"]').first();
    await expect.poll(() => chip.innerText(), { timeout: 60_000 }).toMatch(/Support[\s\S]*prompt alone/);
    await chip.click();
    expect(await page.locator('[data-testid="prompt-alone"]').innerText()).toContain(
      `npx patchbay adapters train support --model ${model.path}`,
    );
    await page.close();
  }, 120_000);
});
