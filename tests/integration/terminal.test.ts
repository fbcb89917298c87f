import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { bin, cli } from "../support/cli.ts";
import { answersWith, FaultyServer } from "../support/faulty-server.ts";
import { temporaryFolder } from "../support/folder.ts";
import { PseudoTerminal } from "../support/pseudo-terminal.ts";
import { enginesFile } from "../support/remote.ts";
import { connectAs, serverForAll, startServer } from "../support/server.ts";
import { LONG_QUESTION } from "../support/talk.ts";

const [ENTER, ALT_ENTER, CTRL_C, CTRL_D, UP] = ["\r", "\u001b\r", "\u0003", "\u0004", "\u001b[A"];
const pasted = (text: string) => `\u001b[200~${text}\u001b[201~`;
/** An answer has ended, and the next question may be typed. */
const ANSWERED = /○─● [\s\S]+\n› $/;

describe("the chat in a terminal", () => {
  const server = serverForAll();
  const environment = () => ({ PATCHBAY_URL: server().url, PATCHBAY_CACHE: temporaryFolder() });
  const chat = async (env: Record<string, string>, ...options: string[]) => {
    const terminal = PseudoTerminal.run(["chat", ...options], env);
    await terminal.after("", /\/help for commands\.\n\n› $/);
    return terminal;
  };
  /** What this terminal has asked, conversation by conversation, the latest first. */
  const asked = async (env: { PATCHBAY_CACHE: string }) => {
    const sessions = fs.readFileSync(path.join(env.PATCHBAY_CACHE, "terminal-sessions.json"), "utf8");
    const person = await connectAs(server().url, JSON.parse(sessions)[server().url]);
    const { conversations } = await person.call("conversation:list", {});
    const opened = await Promise.all(
      conversations.map(({ id }) => person.call("conversation:open", { conversationId: id })),
    );
    return opened.map(({ messages }) => messages.flatMap(({ role, text }) => (role === "user" ? text : [])));
  };

  it("takes questions of several lines: pasted, with Alt+Enter, and behind a backslash", async () => {
    const env = environment();
    const terminal = await chat(env, "--adapter", "support");
    await terminal.after(
      pasted("I was charged twice\nand want\nmy money back"),
      /twice⏎and want⏎my money back$/,
    );
    await terminal.after(ENTER, ANSWERED);
    expect(terminal.shown).toContain("Support · pinned");
    await terminal.after(`one${ALT_ENTER}two${ENTER}`, ANSWERED);
    await terminal.after(`three\\${ENTER}`, /\n… $/);
    await terminal.after(`four${ENTER}`, ANSWERED);
    // Found again as one.
    await terminal.after(UP, /three⏎four$/);
    await terminal.after(CTRL_C, /› $/);
    terminal.type(CTRL_D);
    expect(await terminal.ended).toBe(0);
    expect(terminal.raw.indexOf("\u001b[?2004l")).toBeGreaterThan(terminal.raw.indexOf("\u001b[?2004h"));
    expect(await asked(env)).toEqual([
      ["I was charged twice\nand want\nmy money back", "one\ntwo", "three\nfour"],
    ]);
  });

  it("stops an answer with Ctrl-C, and what was typed meanwhile is the next question", async () => {
    const env = environment();
    const terminal = await chat(env);
    await terminal.after(`${LONG_QUESTION}${ENTER}`, /○─● [\s\S]+\n[\s\S]{40}/);
    terminal.type("and now?");
    await terminal.after(CTRL_C, /Stopped\.\n\n› and now\?$/);
    expect(terminal.shown.match(/and now\?/g)).toHaveLength(1);
    await terminal.after(CTRL_C, /› $/);
    terminal.type(CTRL_C);
    expect(await terminal.ended).toBe(0);
    expect(await asked(env)).toEqual([[LONG_QUESTION]]);
  });

  it("finds earlier questions and conversations the next time, and goes on with one", async () => {
    const env = environment();
    const first = await chat(env);
    await first.after(`Where is my parcel?${ENTER}`, ANSWERED);
    await first.after(`/new${ENTER}`, /› $/);
    await first.after(`Recommend me a funny movie${ENTER}`, ANSWERED);
    first.type(`/quit${ENTER}`);
    expect(await first.ended).toBe(0);

    const second = await chat(env);
    await second.after(UP, /\/quit$/);
    await second.after(`${CTRL_C}Whe${UP}`, /Where is my parcel\?$/);
    await second.after(`${CTRL_C}/up${ENTER}`, /There is no answer yet\.\n\n› $/);
    await second.after(`/search zebra${ENTER}`, /No conversation found\.\n\n› $/);
    await second.after(`/serch parcel${ENTER}`, /Did you mean \/search\?\n\n› $/);
    await second.after(`/open 1${ENTER}`, /There is no number "1"[\s\S]+› $/);
    await second.after(`/search PARCLE${ENTER}`, / {2}1 {2}Where is my parcel\? [\s\S]+\/open N[\s\S]+› $/);
    await second.after(`/open 1${ENTER}`, /› Where is my parcel\?\n○─● [\s\S]+\n› $/);
    await second.after(`/down of no use${ENTER}`, /Saved: thumbs down\.\n\n› $/);
    await second.after(`And if it is lost?${ENTER}`, ANSWERED);
    await second.after(`/retry Halth${ENTER}`, /Did you mean health\?\n\n› $/);
    await second.after(`/retry health${ENTER}`, /○─● Health [\s\S]+› $/);
    await second.after(`/expert${ENTER}`, / {2}health +\S[\s\S]+The router chooses\.\n\n› $/);
    second.type(CTRL_D);
    expect(await second.ended).toBe(0);
    expect(await asked(env)).toEqual([
      ["Where is my parcel?", "And if it is lost?"],
      ["Recommend me a funny movie"],
    ]);
  });

  it("ends quietly where its output is no longer read, and takes a question without quotation marks", async () => {
    const env = { ...process.env, ...environment(), NODE: process.execPath, BIN: bin };
    const command = `"$NODE" "$BIN" chat recommend me a funny movie | head -c 1; exit "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", command], { env });
    expect(stdout).toHaveLength(1);
    expect(stderr).not.toContain("EPIPE");
    expect(await asked(env)).toEqual([["recommend me a funny movie"]]);
  });
});

it("renders Markdown in a terminal, keeps its signs with NO_COLOR, and leaves it as it is in a pipe", async () => {
  const source = "# Plan\nIt is **bold** and `code`.\n";
  const upstream = await FaultyServer.start(answersWith(...source.split(/(?<=[ *])/)));
  const engines = enginesFile({
    engines: { box: { type: "openai", baseURL: `${upstream.url}/v1`, model: "box" } },
    order: { default: ["box"] },
  });
  const { url } = await startServer({ engines });
  const env = { PATCHBAY_URL: url, PATCHBAY_CACHE: temporaryFolder() };
  const inTerminal = async (more: object) => {
    const terminal = PseudoTerminal.run(["chat", "What now?"], { ...env, ...more });
    expect(await terminal.ended).toBe(0);
    return terminal;
  };
  const coloured = await inTerminal({});
  expect(coloured.shown).toContain("Plan\nIt is bold and code.\n");
  expect(coloured.raw).toContain("\u001b[1mbold\u001b[22m");
  const uncoloured = await inTerminal({ NO_COLOR: "1" });
  expect(uncoloured.shown).toContain(source);
  expect(uncoloured.raw).not.toContain("\u001b[1m");
  const piped = await cli(["chat", "What now?"], env);
  expect(piped.stdout).toBe(`${source}\n`);
  const json = await cli(["chat", "What now?", "--json"], { ...env, FORCE_COLOR: "1" });
  expect(JSON.parse(json.stdout).answer).toBe(source);
});
