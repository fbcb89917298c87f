import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { bin, type CliResult } from "../support/cli.ts";
import { type Act, answers, FaultyServer, hangs, replies, speaksAnd } from "../support/faulty-server.ts";
import { temporaryFolder } from "../support/folder.ts";
import { enginesFile } from "../support/remote.ts";
import { startServer } from "../support/server.ts";

const tooLong = replies(400, { error: { code: "context_length_exceeded", message: "too many tokens" } });

const LINES = Array.from({ length: 3_000 }, (_, line) => `10:42:07 worker-${line} retries the upload`);
const LOG = [...LINES, "10:42:08 FATAL the disk is full"].join("\n");

/** A server whose answers are these acts, and a shell in which `patchbay` asks it and `log` and `lines` are files. */
async function shell(...acts: Act[]) {
  const upstream = await FaultyServer.start(...acts);
  const { url } = await startServer({
    engines: enginesFile({
      engines: { box: { type: "openai", baseURL: `${upstream.url}/v1`, model: "box", retries: 0 } },
      order: { default: ["box"] },
    }),
  });
  const cwd = temporaryFolder();
  fs.writeFileSync(path.join(cwd, "log"), LOG);
  fs.writeFileSync(path.join(cwd, "lines"), "Who?\nWhere?\n");
  const env = { ...process.env, PATCHBAY_URL: url, PATCHBAY_CACHE: temporaryFolder() };
  const run = (script: string): Promise<CliResult> =>
    new Promise((resolve) => {
      const patchbay = `patchbay() { '${process.execPath}' '${bin}' "$@"; }`;
      const child = execFile("sh", ["-c", `${patchbay}\n${script}`], { cwd, env }, (_error, stdout, stderr) =>
        resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
  /** The question of each request, the messages before it left aside. */
  const asked = () =>
    upstream.requests.map(({ body }) => (body.messages as { content: string }[]).at(-1)?.content ?? "");
  return { run, asked, upstream, env };
}

describe("a question asked once", () => {
  it("about a log that nobody can read whole is about the end of it, and a line says so", async () => {
    const { run, asked, upstream } = await shell(tooLong, answers);
    const { code, stdout, stderr } = await run('patchbay chat "What broke?" --adapter base < log');
    expect(stdout).toBe("Hello there\n");
    expect(code).toBe(0);
    expect(asked().map((text) => text.length)).toEqual([16_000, expect.closeTo(3_400, -3)]);
    for (const text of asked()) expect(text).toMatch(/^What broke\?\n\n[\s\S]+FATAL the disk is full$/);
    const read = (asked()[1]?.length ?? 0) - "What broke?\n\n".length;
    const said = `its last ${read} characters were read, the ${LOG.length - read} before were not.`;
    expect(stderr.split("\n").filter((line) => line.includes("too long"))).toEqual([
      `The input was too long: ${said}`,
    ]);
    // The try that was too long is no part of the conversation.
    const messages = upstream.requests[1]?.body.messages as { role: string }[];
    expect(messages.map(({ role }) => role)).toEqual(["system", "user"]);
  });

  it("fails where the question itself is too long, whatever is left out of the input", async () => {
    const { run, asked } = await shell(tooLong);
    const { code, stdout } = await run('patchbay chat "What broke?" --adapter base --json < log');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "prompt-too-long" } });
    expect(asked().length).toBeLessThan(8);
    expect(asked().at(-1)?.length).toBeLessThan(250);
  });

  it("leaves the lines of a loop alone with < /dev/null", async () => {
    const { run, asked } = await shell(answers);
    const loop = 'while read -r line; do patchbay chat "$line" --adapter base < /dev/null; done < lines';
    expect((await run(loop)).stdout).toBe("Hello there\nHello there\n");
    expect(asked()).toEqual(["Who?", "Where?"]);
  });

  it("ends with 130, as a shell expects it, where Ctrl-C stopped the answer", async () => {
    const { env } = await shell(speaksAnd(hangs));
    const child = spawn(process.execPath, [bin, "chat", "Hello", "--adapter", "base"], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      shown += text;
      if (shown === "Hello there") child.kill("SIGINT");
    });
    expect(await once(child, "close")).toEqual([130, null]);
    expect(shown).toBe("Hello there\n");
  });
});
