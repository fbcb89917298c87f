import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { readConfig } from "../../server/config.ts";
import { pythonEnvironment } from "../../server/learning/index.ts";
import { shownPrograms } from "../support/documentation.ts";
import { temporaryFolder } from "../support/folder.ts";
import { post } from "../support/openai.ts";
import { serverForAll } from "../support/server.ts";

/*
 * What programs send that know nothing of Patchbay: every request here has the fields of a stock front end's.
 */

const server = serverForAll();

/** Data of each event of a stream, the end mark too. */
async function events(body: unknown, headers: Record<string, string> = {}): Promise<string[]> {
  const response = await fetch(`${server().url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const blocks = (await response.text()).split("\n\n").filter((block) => block !== "");
  return blocks.map((block) => block.replace(/^data: /, ""));
}

interface Chunk {
  object: string;
  choices: { delta: { content?: string }; finish_reason: string | null }[];
  usage?: { total_tokens: number };
}

function readStream(data: string[]) {
  expect(data.at(-1)).toBe("[DONE]");
  const chunks = data.slice(0, -1).map((each) => JSON.parse(each) as Chunk);
  expect(chunks.every(({ object }) => object === "chat.completion.chunk")).toBe(true);
  return { chunks, text: chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("") };
}

describe("Open WebUI", () => {
  const headers = {
    authorization: "Bearer sk-anything",
    "x-openwebui-user-name": "Ada",
    "x-openwebui-user-id": "1",
    "x-openwebui-user-email": "ada@localhost",
    "x-openwebui-user-role": "admin",
  };

  it("lists the models", async () => {
    const response = await fetch(`${server().url}/v1/models`, { headers });
    const { object, data } = (await response.json()) as {
      object: string;
      data: { id: string; object: string }[];
    };
    expect(object).toBe("list");
    expect(data.every(({ id, object }) => id !== "" && object === "model")).toBe(true);
  });

  it("chats with the parameters of its settings", async () => {
    const { text, chunks } = readStream(
      await events(
        {
          stream: true,
          model: "auto",
          messages: [
            { role: "system", content: "The user's name is Ada." },
            { role: "user", content: "My parcel is a week late. What can I do?" },
          ],
          temperature: 0.8,
          top_p: 0.9,
          min_p: 0,
          max_tokens: 24,
          frequency_penalty: 0,
          presence_penalty: 0,
          reasoning_effort: "low",
          seed: 7,
          stop: ["<|end|>"],
          logit_bias: {},
          stream_options: { include_usage: true },
        },
        headers,
      ),
    );
    expect(text.length).toBeGreaterThan(10);
    expect(chunks.at(-1)?.usage?.total_tokens).toBeGreaterThan(24);
  });

  it.each(["title", "tags"])("has a %s made of a conversation", async (what) => {
    const content = `### Task:\nWrite a short ${what} for the chat below as JSON: {"${what}": "…"}\n### Chat:\nUSER: My parcel is late.\nASSISTANT: I am sorry to hear that.`;
    const made = await post(
      `${server().url}/v1/chat/completions`,
      {
        model: "support",
        messages: [{ role: "user", content }],
        stream: false,
        max_completion_tokens: 30,
        metadata: { task: `${what}_generation`, chat_id: "1" },
      },
      headers,
    );
    expect(made).toMatchObject({
      status: 200,
      body: { choices: [{ message: { role: "assistant", content: expect.any(String) } }], usage: {} },
    });
  });
});

describe("LibreChat", () => {
  it("chats through its LangChain client, which sends what is not set as null or at its default", async () => {
    const { text } = readStream(
      await events({
        model: "health",
        temperature: 1,
        top_p: 1,
        frequency_penalty: 0,
        presence_penalty: 0,
        logprobs: null,
        n: 1,
        stop: null,
        user: "65f0c0ffee",
        stream: true,
        stream_options: { include_usage: true },
        tools: null,
        tool_choice: null,
        functions: null,
        function_call: null,
        response_format: null,
        seed: null,
        max_tokens: 16,
        messages: [
          { role: "system", content: "Answer in one sentence." },
          { role: "user", content: [{ type: "text", text: "I have a sore throat." }], name: "Ada" },
          { role: "assistant", content: [{ type: "text", text: "Since when?" }] },
          { role: "user", content: [{ type: "text", text: "Since Monday." }] },
        ],
      }),
    );
    expect(text.length).toBeGreaterThan(5);
  });

  it("has a title made in one piece", async () => {
    const made = await post(`${server().url}/v1/chat/completions`, {
      model: "auto",
      temperature: 0.2,
      presence_penalty: 0,
      frequency_penalty: 0,
      max_tokens: 16,
      user: "65f0c0ffee",
      stream: false,
      store: false,
      parallel_tool_calls: false,
      messages: [
        { role: "system", content: "Write a title of at most five words for: my parcel is late." },
        { role: "user", content: "Title:" },
      ],
    });
    expect(made.status).toBe(200);
  });
});

/** A Python that has the openai package. */
const python = () =>
  pythonEnvironment(
    path.join(import.meta.dirname, "openai-client", "requirements.txt"),
    readConfig(process.env).cacheDir,
    () => undefined,
  );

describe("the openai package for Python", () => {
  it("completes, streams, reads log-probabilities and structured answers, and knows our errors", async () => {
    const script = path.join(import.meta.dirname, "openai-client", "check.py");
    const { stdout } = await promisify(execFile)(await python(), [script, `${server().url}/v1`]);
    expect(JSON.parse(stdout)).toEqual({
      models: true,
      adapter: "support",
      streamed_like_whole: true,
      logprobs: true,
      mood: true,
      not_found: "model_not_found",
      bad_request: "temperature",
      embeddings: "embedder-unavailable",
    });
  }, 300_000);
});

describe("the programs of the README with OpenAI's clients", () => {
  /** Runs one as it stands there, but for the address. */
  const run = async (source: string, name: string, runtime: string) => {
    const folder = temporaryFolder();
    fs.symlinkSync(path.resolve("node_modules"), path.join(folder, "node_modules"));
    fs.writeFileSync(path.join(folder, name), source.replace("http://127.0.0.1:3000", server().url));
    return (await promisify(execFile)(runtime, [name], { cwd: folder })).stdout;
  };
  const only = (language: string, mark: string) => {
    const programs = shownPrograms(language, mark);
    expect(programs.map(({ page }) => page)).toEqual(["README.md"]);
    return programs[0]?.source ?? "";
  };
  const told = /\w{3}[\s\S]* support@\d+ 0\.\d+\n$/;

  it("print an answer, who gave it and how sure the router was, in Node", async () => {
    expect(await run(only("js", 'from "openai"'), "ask.mjs", process.execPath)).toMatch(told);
  });

  it("do so in Python", async () => {
    expect(await run(only("python", "from openai"), "ask.py", await python())).toMatch(told);
  }, 300_000);
});
