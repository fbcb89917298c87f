import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { openDatabase } from "../../db/index.ts";
import { bin, cli } from "../support/cli.ts";
import { shownCommands } from "../support/documentation.ts";
import { temporaryFolder } from "../support/folder.ts";
import { newPerson, startServer } from "../support/server.ts";
import { ask, converse } from "../support/talk.ts";
import { typed } from "../support/terminal.ts";

const commands = [
  ["serve"],
  ["chat"],
  ["slack"],
  ["mattermost"],
  ["models", "list"],
  ["models", "fetch"],
  ["keys", "create"],
  ["keys", "list"],
  ["keys", "revoke"],
  ["adapters", "list"],
  ["adapters", "new"],
  ["adapters", "verify"],
  ["adapters", "train"],
  ["router", "explain"],
  ["router", "train"],
  ["router", "eval"],
  ["router", "heads"],
  ["router", "rollback"],
  ["feedback", "export"],
  ["completion"],
];

describe("the command line", () => {
  it("has help with an example for every command", async () => {
    for (const command of commands) {
      const { code, stdout } = await cli([...command, "--help"]);
      expect(code, command.join(" ")).toBe(0);
      expect(stdout).toContain(`npx patchbay ${command.join(" ")}`);
    }
  });

  it("has each command, option and setting that the documentation shows", async () => {
    const { stdout: completion } = await cli(["completion", "bash"]);
    const offers = new Map(
      [...completion.matchAll(/^ {4}"(.*)"\) offered="(.*)" ;;$/gm)].map(([, at = "", offered = ""]) => [
        at,
        offered.split(" "),
      ]),
    );
    const paths = [...offers.keys()].filter((path) => path !== "" && !path.includes("--"));
    /** What has commands below it, and does nothing by itself. */
    const groups = new Set(paths.map((path) => path.replace(/ ?\S+$/, "")));
    const commands = shownCommands();
    expect(commands.length).toBeGreaterThan(30);
    for (const { shown, settings, words } of commands) {
      let at = "";
      for (const word of words) {
        const next = `${at} ${word}`.trim();
        if (word.startsWith("--")) expect(offers.get(at), shown).toContain(word);
        else if (offers.has(next)) at = next;
        else expect(groups, `"${word}" in ${shown}`).not.toContain(at);
      }
      const help = settings.length > 0 ? (await cli([...at.split(" "), "--help"])).stdout : "";
      for (const setting of settings) expect(help, shown).toContain(`${setting}=`);
    }
  });

  it.each([
    [["chta"], "Did you mean chat"],
    [["chat", "--jsno", "hi"], "Did you mean --json"],
    [["keys", "create"], "name"],
    [["feedback", "export", "--format", "csv"], "kto"],
    [["chat", "--json"], "give a question"],
    [["completion", "csh"], "bash, zsh, fish"],
  ])("answers wrong use %j with exit code 2 and a hint", async (args, hint) => {
    const { code, stderr } = await cli(args);
    expect(code).toBe(2);
    expect(stderr).toContain(hint);
  });

  it("serves until it is ended, and leaves nothing behind even when it is killed", async () => {
    const TMPDIR = temporaryFolder();
    const env = { ...process.env, PORT: "0", PATCHBAY_GPU: "off", PATCHBAY_DATA: temporaryFolder(), TMPDIR };
    const server = spawn(process.execPath, [bin, "serve"], { env });
    onTestFinished(() => void server.kill("SIGKILL"));
    let notes = "";
    server.stderr.setEncoding("utf8").on("data", (text: string) => {
      notes += text;
    });
    await expect.poll(() => notes, { timeout: 30_000 }).toMatch(/listens on http:\/\/127\.0\.0\.1:\d+/);
    const url = /http:\S+/.exec(notes)?.[0];
    await expect.poll(async () => (await fetch(`${url}/health`)).status, { timeout: 30_000 }).toBe(200);
    expect(fs.readdirSync(TMPDIR)).toHaveLength(1);
    server.kill("SIGKILL");
    await expect.poll(() => fs.readdirSync(TMPDIR), { timeout: 10_000 }).toEqual([]);
  });

  it("answers a question as one JSON value, by an engine of its own", async () => {
    const { code, stdout } = await cli(
      ["chat", "I was charged twice, how do I get my money back?", "--json"],
      {
        PATCHBAY_DATA: temporaryFolder(),
        // A port on which nothing listens, so that no server that happens to run is used.
        PORT: "1",
      },
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      answer: expect.stringMatching(/\w{3,}/),
      adapter: "support",
      version: expect.stringMatching(/^support@\d+$/),
      confidence: expect.closeTo(0.9, 0),
      runnerUp: { adapter: expect.any(String), confidence: expect.any(Number) },
      reason: expect.stringContaining("charged"),
      timings: { routeMs: expect.any(Number), firstTokenMs: expect.any(Number), totalMs: expect.any(Number) },
      tokens: { prompt: expect.any(Number), cached: expect.any(Number), completion: expect.any(Number) },
      finish: expect.stringMatching(/^(stop|length)$/),
    });
  });

  it("is the same person on its own engine the next time, and comes with its key where there are keys", async () => {
    const env = { PATCHBAY_DATA: temporaryFolder(), PORT: "1" };
    for (const question of ["Recommend me a book", "And a film?"])
      expect((await cli(["chat", question, "--json"], env)).code).toBe(0);
    const db = await openDatabase(path.join(env.PATCHBAY_DATA, "patchbay.sqlite"));
    onTestFinished(() => db.destroy());
    expect(await db.selectFrom("conversations").select("user_id").distinct().execute()).toHaveLength(1);
    const { key } = JSON.parse((await cli(["keys", "create", "me", "--json"], env)).stdout);
    expect((await cli(["chat", "Hello", "--json"], { ...env, PATCHBAY_KEY: key })).code).toBe(0);
  });

  it("talks to a running server, keeps who it is, and fails with a code when there is none", async () => {
    const { url } = await startServer();
    const env = { PATCHBAY_URL: url, PATCHBAY_CACHE: temporaryFolder() };
    for (const question of ["Recommend me a book", "And a film?"])
      expect((await cli(["chat", question, "--json"], env)).code).toBe(0);
    const sessions = JSON.parse(
      fs.readFileSync(path.join(env.PATCHBAY_CACHE, "terminal-sessions.json"), "utf8"),
    );
    expect(Object.keys(sessions)).toEqual([url]);
    const pinned = await cli(["chat", "Hello", "--adapter", "nobody", "--json"], env);
    expect(pinned.code).toBe(1);
    expect(JSON.parse(pinned.stdout)).toMatchObject({ error: { code: "adapter-unknown" } });
    const nobody = await cli(["chat", "Hello", "--json"], { ...env, PATCHBAY_URL: "http://127.0.0.1:1" });
    expect(nobody.code).toBe(1);
    expect(JSON.parse(nobody.stdout)).toMatchObject({ error: { code: "server-unreachable" } });
  });

  it.each([
    ["slack", "SLACK_BOT_TOKEN", "OAuth & Permissions"],
    ["mattermost", "MATTERMOST_TOKEN", "Outgoing Webhooks"],
  ])("says where to get what %s needs", async (service, setting, where) => {
    const { code, stderr } = await cli([service], { PATCHBAY_DATA: temporaryFolder() });
    expect(code).toBe(1);
    expect(stderr).toContain(`The setting ${setting} is missing. (bad-request)`);
    expect(stderr).toContain(where);
  });

  it("prints the manifest of the Slack app", async () => {
    const { code, stdout } = await cli(["slack", "--manifest"]);
    expect(code).toBe(0);
    const { settings, oauth_config } = JSON.parse(stdout);
    expect(settings.event_subscriptions.bot_events).toContain("app_mention");
    expect(oauth_config.scopes.bot).toContain("chat:write");
  });

  it("takes what is piped in as part of the question, or as the question", async () => {
    const { url } = await startServer();
    const env = { ...process.env, PATCHBAY_URL: url, PATCHBAY_CACHE: temporaryFolder() };
    const pipe = (input: string, args: string) => {
      const command = `printf '%s' "$INPUT" | "$NODE" "$BIN" chat ${args}`;
      const options = {
        env: { ...env, INPUT: input, NODE: process.execPath, BIN: bin },
        encoding: "utf8",
      } as const;
      return promisify(execFile)("sh", ["-c", command], options).catch((error) => error);
    };
    const asked = await pipe("I was charged twice and want my money back", "'What do I do?' --json");
    expect(JSON.parse(asked.stdout).adapter).toBe("support");
    expect(JSON.parse((await pipe("Recommend me a funny movie", "--json")).stdout).adapter).toBe(
      "entertainment",
    );
    // Far more than the model reads; ask-once.test.ts says what is left out.
    const log = "2026-11-27T22:18:01Z host-3 payments[4312]: connection to 10.0.0.17:5432 refused\n".repeat(
      900,
    );
    const large = await pipe(log, "'What broke?' --json");
    expect(JSON.parse(large.stdout)).toMatchObject({ answer: expect.stringMatching(/\w{3}/) });
    expect(large.stderr).toMatch(/^The input was too long: its last \d{4} characters were read/m);
    expect((await pipe("", "--json")).code).toBe(2);
  });

  it("chats line by line", async () => {
    const { url } = await startServer();
    const shown = await typed(
      url,
      "Where is \\\nmy parcel?\n/why\n/up thanks\n/unvote\n/expert Helth\n/expert health\nhello\n/nonsense\n/quit\n",
    );
    expect(shown).toMatch(/Support · \d+%/);
    expect(shown.match(/○─●/g)).toHaveLength(2);
    expect(shown).toContain("Saved: thumbs up");
    expect(shown).toContain('There is no expert "Helth". Did you mean health?');
    expect(shown).toContain("health answers from here on");
    expect(shown).toContain("not medical advice");
    expect(shown).toContain("There is no command /nonsense");
  });

  it("lists adapters with version, base, size and held-out loss, which fell by a fifth at least", async () => {
    const { code, stdout } = await cli(["adapters", "list", "--json"]);
    expect(code).toBe(0);
    const rows = JSON.parse(stdout) as {
      id: string;
      bytes: number;
      heldOutLoss: { base: number; adapter: number };
    }[];
    expect(rows.map((row) => row.id)).toEqual(["education", "entertainment", "health", "support"]);
    for (const { heldOutLoss, bytes } of rows) {
      expect(heldOutLoss.adapter / heldOutLoss.base).toBeLessThan(0.8);
      expect(bytes).toBeGreaterThan(1_000_000);
    }
  });

  it("makes, lists and revokes keys, and from the first one on everybody needs one", async () => {
    const dataDir = temporaryFolder();
    const { url } = await startServer({ dataDir });
    const env = { PATCHBAY_DATA: dataDir, PATCHBAY_URL: url, PATCHBAY_CACHE: temporaryFolder() };
    const visitor = await newPerson(url);
    const created = JSON.parse((await cli(["keys", "create", "laptop", "--json"], env)).stdout);
    expect(created.key).toMatch(/^pb-/);
    // A connection from before the key is turned away too.
    await expect(visitor.call("conversation:list", {})).rejects.toMatchObject({ code: "not-signed-in" });
    const without = await cli(["chat", "Hello", "--json"], env);
    expect(JSON.parse(without.stdout)).toMatchObject({ error: { code: "not-signed-in" } });
    const wrong = await cli(["chat", "Hello", "--json"], { ...env, PATCHBAY_KEY: "pb-wrong" });
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: "not-signed-in" } });
    expect((await cli(["chat", "Hello", "--json"], { ...env, PATCHBAY_KEY: created.key })).code).toBe(0);

    const signIn = await fetch(`${url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ key: created.key }),
    });
    const cookie = signIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    expect(signIn.status).toBe(204);
    const again = () =>
      fetch(`${url}/api/session`, {
        method: "POST",
        headers: { cookie, "content-type": "application/json" },
        body: "{}",
      });
    expect((await again()).status).toBe(204);

    expect(JSON.parse((await cli(["keys", "list", "--json"], env)).stdout)).toMatchObject([
      { name: "laptop", revokedAt: null },
    ]);
    expect((await cli(["keys", "revoke", created.id], env)).code).toBe(0);
    expect((await cli(["keys", "revoke", created.id], env)).code).toBe(1);
    expect((await again()).status).toBe(401);
    const revoked = await cli(["chat", "Hello", "--json"], { ...env, PATCHBAY_KEY: created.key });
    expect(JSON.parse(revoked.stdout)).toMatchObject({ error: { code: "not-signed-in" } });
  });

  it("exports votes as lines, or to a file", async () => {
    const dataDir = temporaryFolder();
    const { url } = await startServer({ dataDir });
    const open = await converse(await newPerson(url));
    const answer = await ask(open, "Where is my parcel?");
    await open.vote(answer.id, { value: 1 });
    open.close();
    const env = { PATCHBAY_DATA: dataDir };
    const { stdout } = await cli(["feedback", "export", "--format", "kto"], env);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).label),
    ).toEqual([true]);
    const file = path.join(dataDir, "votes.jsonl");
    const toFile = await cli(["feedback", "export", "--format", "kto", "--out", file, "--json"], env);
    expect(JSON.parse(toFile.stdout)).toEqual({ rows: 1, file });
    expect(fs.readFileSync(file, "utf8")).toBe(stdout);
  });

  it("routes, trains a router on anybody's labels and measures it", async () => {
    const folder = temporaryFolder();
    const data = path.join(folder, "rows.jsonl");
    const subjects = {
      tax: ["income tax form", "vat return", "tax deadline", "refund of tax"],
      tea: ["green tea", "tea pot", "brew tea", "oolong leaves"],
    };
    const rows = Object.entries(subjects).flatMap(([label, texts]) =>
      texts.flatMap((text) =>
        ["about my", "tell me of", "what is the"].map((start) => ({ text: `${start} ${text}`, label })),
      ),
    );
    const outside = ["hello you", "good night", "open the door", "nice car"].map((text) => ({
      text,
      label: null,
    }));
    fs.writeFileSync(data, [...rows, ...outside].map((row) => JSON.stringify(row)).join("\n"));
    const head = path.join(folder, "head.json");
    expect((await cli(["router", "train", "--data", data, "--out", head])).code).toBe(0);
    const report = JSON.parse(
      (await cli(["router", "eval", "--head", head, "--data", data, "--json"])).stdout,
    );
    expect(report).toMatchObject({ rows: 28, accuracy: 1, turnAccuracy: null });
    const explained = JSON.parse(
      (await cli(["router", "explain", "my income tax form", "--head", head, "--json"])).stdout,
    );
    expect(explained).toMatchObject({ domain: "tax" });
    fs.writeFileSync(data, '{"text": "x", "label": 5}\n');
    const bad = await cli(["router", "eval", "--head", head, "--data", data, "--json"]);
    expect(JSON.parse(bad.stdout)).toMatchObject({
      error: { code: "data-invalid", message: expect.stringContaining("line 1") },
    });
  });
});
