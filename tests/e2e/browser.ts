import fs from "node:fs";
import chromium from "@sparticuz/chromium";
import { type Browser, chromium as playwright } from "playwright-core";

/** What keeps Chromium from looking for the outside world: tests speak to loopback alone. */
const QUIET = [
  "--no-first-run",
  "--disable-quic",
  "--disable-sync",
  "--disable-background-networking",
  "--disable-component-update",
];

/**
 * Of the package's own choice for servers: in a single process, closing one page's context ends the whole browser, and
 * without web security what pages of other origins may do is not what people's browsers let them do.
 */
const LEFT_OUT = new Set(["--single-process", "--disable-web-security"]);

const INSTALLED = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/usr/bin/google-chrome",
  "/usr/bin/chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** Chromium from npm where its build runs (Linux on x64 and arm64), else an installed Chrome. */
export async function launchBrowser(): Promise<Browser> {
  if (process.platform === "linux") {
    const executablePath = await chromium.executablePath();
    const args = chromium.args.filter((argument) => !LEFT_OUT.has(argument));
    return playwright.launch({ executablePath, args: [...args, ...QUIET], headless: true });
  }
  const executablePath = INSTALLED.find((file) => fs.existsSync(file));
  if (!executablePath) throw new Error("Install Google Chrome to run the browser journey on this system.");
  return playwright.launch({ executablePath, args: QUIET, headless: true });
}
