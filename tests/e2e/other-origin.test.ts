import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Browser } from "playwright-core";
import { build, type Rolldown } from "vite";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { cli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startServer } from "../support/server.ts";
import { launchBrowser } from "./browser.ts";

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** A page on a port, so an origin, of its own that has OpenAI's client as `window.OpenAI`. */
async function otherPage(): Promise<string> {
  const folder = temporaryFolder();
  const entry = path.join(folder, "page.js");
  const client = JSON.stringify(path.resolve("node_modules/openai/index.mjs"));
  fs.writeFileSync(entry, `import OpenAI from ${client}; window.OpenAI = OpenAI;`);
  const built = (await build({
    logLevel: "error",
    configFile: false,
    root: folder,
    build: { write: false, rolldownOptions: { input: entry } },
  })) as Rolldown.RolldownOutput;
  const script = built.output[0].code;
  const server = http.createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : '<!doctype html><script type="module" src="/page.js"></script>');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("OpenAI's client in a page of another origin", () => {
  it("asks and reads along with a key, and is refused with none that counts", async () => {
    const dataDir = temporaryFolder();
    const { url } = await startServer({ dataDir });
    const page = await browser.newPage();
    await page.goto(await otherPage());
    await page.waitForFunction("window.OpenAI");
    const asked = (key: string) =>
      page.evaluate(
        async ([baseURL, apiKey]) => {
          // biome-ignore lint/suspicious/noExplicitAny: put there by the page's own script
          const { OpenAI } = globalThis as any;
          const client = new OpenAI({ baseURL, apiKey, dangerouslyAllowBrowser: true, maxRetries: 0 });
          const messages = [{ role: "user", content: "Hello" }];
          try {
            const { data, response } = await client.chat.completions
              .create({ model: "base", messages, max_tokens: 4, stream: true })
              .withResponse();
            let text = "";
            for await (const chunk of data) text += chunk.choices[0]?.delta.content ?? "";
            return { text, expert: response.headers.get("x-patchbay-adapter") };
          } catch (error) {
            return { code: (error as { code?: string }).code ?? String(error) };
          }
        },
        [`${url}/v1`, key] as const,
      );
    // Nobody has a key yet: whatever works on this machine by itself would work for any page that is open on it.
    expect(await asked("whatever")).toEqual({ code: "forbidden" });
    const made = await cli(["keys", "create", "page", "--json"], { PATCHBAY_DATA: dataDir });
    const { key } = JSON.parse(made.stdout) as { key: string };
    expect(await asked(key)).toEqual({ text: expect.stringMatching(/\S/), expert: "base" });
    expect(await asked("pb-wrong")).toEqual({ code: "invalid_api_key" });
    await page.close();
  }, 120_000);
});
