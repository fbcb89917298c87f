import { createHash } from "node:crypto";
import path from "node:path";
import { sql } from "kysely";
import { AuthenticationError, PermissionDeniedError, RateLimitError } from "openai";
import { io } from "socket.io-client";
import { ulid } from "ulid";
import { describe, expect, it, onTestFinished } from "vitest";
import { openSession, PatchbayClient } from "../../client/sdk/index.ts";
import { openDatabase } from "../../db/index.ts";
import type { Scope } from "../../server/protocol/index.ts";
import { Cable } from "../support/cable.ts";
import { cli } from "../support/cli.ts";
import { temporaryFolder } from "../support/folder.ts";
import { openAi, post } from "../support/openai.ts";
import { serverForAll, startServer } from "../support/server.ts";
import { ask, converse } from "../support/talk.ts";

const open = serverForAll();
const question = { model: "base", messages: [{ role: "user" as const, content: "Hello" }], max_tokens: 4 };

/** A server whose keys are made by the command, as an operator does. */
async function serverWithKeys() {
  const dataDir = temporaryFolder();
  const { url } = await startServer({ dataDir });
  const create = async (...options: string[]): Promise<{ id: string; key: string }> => {
    const made = await cli(["keys", "create", ulid(), ...options, "--json"], { PATCHBAY_DATA: dataDir });
    return JSON.parse(made.stdout);
  };
  return { url, dataDir, create };
}

describe("API keys", () => {
  it("are not needed on loopback as long as there are none: any or no key passes", async () => {
    const { url } = open();
    expect((await post(`${url}/v1/chat/completions`, question)).status).toBe(200);
    const answer = await openAi(url, "whatever").chat.completions.create(question);
    expect(await post(`${url}/v1/feedback`, { completion_id: answer.id, value: 1 })).toMatchObject({
      status: 200,
    });
  });

  it("are needed from the first one on, and a revoked one is worth nothing", async () => {
    const { url, dataDir, create } = await serverWithKeys();
    const { id, key } = await create();
    for (const wrong of ["", "pb-wrong"]) {
      const refused = await post(
        `${url}/v1/chat/completions`,
        question,
        wrong ? { authorization: `Bearer ${wrong}` } : {},
      );
      expect(refused).toMatchObject({
        status: 401,
        body: { error: { code: "invalid_api_key", type: "authentication_error" } },
      });
    }
    const client = openAi(url, key);
    expect((await client.models.list()).data.length).toBeGreaterThan(4);
    expect((await client.chat.completions.create(question)).choices).toHaveLength(1);
    await cli(["keys", "revoke", id], { PATCHBAY_DATA: dataDir });
    await expect(client.models.list()).rejects.toBeInstanceOf(AuthenticationError);
  });

  it("do what their scopes say, over HTTP and over a socket", async () => {
    const { url, create } = await serverWithKeys();
    const keys = new Map<Scope, string>();
    for (const scope of ["chat", "embeddings", "feedback"] as const)
      keys.set(scope, (await create("--scope", scope)).key);
    const chat = openAi(url, keys.get("chat"));
    const answer = await chat.chat.completions.create(question);
    await expect(chat.embeddings.create({ model: "embedder", input: "x" })).rejects.toBeInstanceOf(
      PermissionDeniedError,
    );
    const authorization = `Bearer ${keys.get("chat")}`;
    expect(
      await post(`${url}/v1/feedback`, { completion_id: answer.id, value: 1 }, { authorization }),
    ).toMatchObject({
      status: 403,
      body: { error: { code: "forbidden", message: expect.stringContaining("feedback") } },
    });
    const other = { authorization: `Bearer ${keys.get("feedback")}` };
    // Somebody else's completion: nobody learns what exists.
    expect((await post(`${url}/v1/feedback`, { completion_id: answer.id, value: 1 }, other)).status).toBe(
      404,
    );
    await expect(openAi(url, keys.get("embeddings")).chat.completions.create(question)).rejects.toMatchObject(
      { status: 403 },
    );
    expect(await socketError(url, keys.get("embeddings") ?? "")).toBe("forbidden");
    expect(await socketError(url, keys.get("chat") ?? "")).toBeNull();
  });

  it("have a limit of requests a minute, over HTTP and sockets together, and say when to come again", async () => {
    const { url, create } = await serverWithKeys();
    const { key } = await create("--per-minute", "3");
    const client = openAi(url, key);
    const { response } = await client.models.list().withResponse();
    expect(response.headers.get("x-ratelimit-limit-requests")).toBe("3");
    expect(response.headers.get("x-ratelimit-remaining-requests")).toBe("2");
    const socket = new PatchbayClient(url, { key });
    onTestFinished(() => socket.close());
    await socket.ready();
    const conversation = await converse(socket);
    await ask(conversation, "Hello", "base");
    await client.models.list();
    const refused = await client.models.list().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RateLimitError);
    expect(refused).toMatchObject({ code: "rate_limit_exceeded", type: "rate_limit_error" });
    const seconds = Number((refused as RateLimitError).headers?.get("retry-after"));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    await expect(ask(conversation, "Hello again", "base")).rejects.toMatchObject({ code: "rate-limited" });
    conversation.close();
    // Another key has a minute of its own.
    expect((await openAi(url, (await create()).key).models.list()).data.length).toBeGreaterThan(4);
  });

  it("from before there were scopes and limits may do everything", async () => {
    const dataDir = temporaryFolder();
    const db = await openDatabase(path.join(dataDir, "patchbay.sqlite"));
    const [id, now] = [ulid(), new Date().toISOString()];
    const hash = createHash("sha256").update("pb-old").digest("hex");
    await sql`insert into users (id, created_at) values (${id}, ${now})`.execute(db);
    await sql`insert into api_keys (id, user_id, name, key_hash, prefix, created_at)
      values (${id}, ${id}, 'old', ${hash}, 'pb-old', ${now})`.execute(db);
    await db.destroy();
    const { url } = await startServer({ dataDir });
    expect((await openAi(url, "pb-old").chat.completions.create(question)).choices).toHaveLength(1);
    expect(await socketError(url, "pb-old")).toBeNull();
  });
});

describe("a page of another origin", () => {
  /** A server as the page's browser reaches it: with its Origin and the cookie it has, without what a page may not set. */
  const throughBrowser = async (url: string, cookie = "") => {
    const added = `\r\nOrigin: https://shop.example${cookie && `\r\nCookie: ${cookie}`}\r\n`;
    const cable = await Cable.to(url, (head) =>
      head.replace(/^authorization: .*\r\n/im, "").replace("\r\n", added),
    );
    return cable.url;
  };

  it("talks through the SDK with a key, which does there what it does elsewhere", async () => {
    const { url, dataDir, create } = await serverWithKeys();
    const page = await throughBrowser(url);
    const { id, key } = await create("--scope", "chat");
    expect(await socketError(page, key)).toBeNull();
    expect(await socketError(page, (await create("--scope", "embeddings")).key)).toBe("forbidden");
    expect(await socketError(page, "pb-wrong")).toBe("not-signed-in");
    await cli(["keys", "revoke", id], { PATCHBAY_DATA: dataDir });
    expect(await socketError(page, key)).toBe("not-signed-in");
  });

  it("is not let in by its visitor's cookie, nor by a key that is none", async () => {
    const { url } = open();
    const page = await throughBrowser(url, await openSession(url));
    expect(await socketError(page, "")).toBe("forbidden");
    expect(await socketError(page, "pb-none")).toBe("forbidden");
    const elsewhere = { origin: "https://shop.example" };
    const asked = (at: string, headers: Record<string, string>) =>
      post(`${at}/v1/chat/completions`, question, { ...elsewhere, ...headers });
    expect(await asked(url, { cookie: await openSession(url) })).toMatchObject({ status: 403 });
    expect(await asked(url, { authorization: "Bearer pb-none" })).toMatchObject({ status: 403 });
    const withKeys = await serverWithKeys();
    const { key } = await withKeys.create();
    const cookie = await openSession(withKeys.url, { key });
    expect(await socketError(await throughBrowser(withKeys.url, cookie), "")).toBe("not-signed-in");
    expect((await post(`${withKeys.url}/v1/chat/completions`, question, { cookie })).status).toBe(200);
    expect(await asked(withKeys.url, { cookie })).toMatchObject({ status: 401 });
    expect((await fetch(`${withKeys.url}/metrics`, { headers: { ...elsewhere, cookie } })).status).toBe(403);
  });
});

describe("a socket's key", () => {
  const connected = (url: string, options: object) => {
    const socket = io(url, { transports: ["websocket"], forceNew: true, ...options });
    onTestFinished(() => void socket.disconnect());
    return new Promise((resolve) => {
      socket.on("connect", () => resolve("connected"));
      socket.on("connect_error", (error) => resolve((error as { data?: unknown }).data));
    });
  };

  it("comes as a header where a client can set one, and has to be a text", async () => {
    const { url, create } = await serverWithKeys();
    const { key } = await create();
    expect(await connected(url, { extraHeaders: { authorization: `Bearer ${key}` } })).toBe("connected");
    expect(await connected(url, { auth: { key: 5 } })).toMatchObject({ code: "bad-request" });
  });
});

async function socketError(url: string, key: string): Promise<string | null> {
  const client = new PatchbayClient(url, { key });
  try {
    await client.ready();
    await client.call("conversation:list", {});
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    client.close();
  }
}
