import fs from "node:fs";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { readConfig } from "../../server/config.ts";
import { cachedPath, defaultModel, resolveModel, sha256OfFile } from "../../server/models/index.ts";
import { temporaryFolder } from "../support/folder.ts";

const cached = cachedPath(defaultModel, readConfig(process.env).cacheDir);

/** A port on which nothing answers: connections are refused. */
const REFUSED = "http://127.0.0.1:1";

function listen(server: net.Server): Promise<string> {
  onTestFinished(() => void server.close());
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    ),
  );
}

/** Takes connections and never says a word, as a firewall that drops packets. */
function silentServer(): Promise<string> {
  const sockets = new Set<net.Socket>();
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return listen(net.createServer((socket) => void sockets.add(socket)));
}

/** A hub that has one file, given in ranges. */
function hub(file: string): Promise<string> {
  const { size } = fs.statSync(file);
  const server = http.createServer((request, response) => {
    if (request.url === "/") return void response.end();
    if (!request.url?.includes("/resolve/main/")) return void response.writeHead(404).end();
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "");
    const start = Number(range?.[1] ?? 0);
    const end = range?.[2] ? Number(range[2]) : size - 1;
    response.writeHead(range ? 206 : 200, {
      "accept-ranges": "bytes",
      "content-length": end - start + 1,
      etag: '"one"',
      ...(range && { "content-range": `bytes ${start}-${end}/${size}` }),
    });
    if (request.method === "HEAD") response.end();
    else fs.createReadStream(file, { start, end }).pipe(response);
  });
  onTestFinished(() => server.closeAllConnections());
  return listen(server);
}

/** Points pip and the hub's resolver somewhere else for this test. */
function sources(pip: string, hubUrl: string): void {
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.stubEnv("PIP_CONFIG_FILE", "/dev/null");
  vi.stubEnv("PIP_INDEX_URL", `${pip}/simple`);
  vi.stubEnv("PIP_EXTRA_INDEX_URL", "");
  vi.stubEnv("PIP_FIND_LINKS", "");
  vi.stubEnv("MODEL_ENDPOINT", hubUrl);
}

describe("the default model", () => {
  it("comes from the cache without any network once it is there", async () => {
    sources(REFUSED, REFUSED);
    const cacheDir = temporaryFolder();
    fs.mkdirSync(path.join(cacheDir, "models"));
    fs.copyFileSync(cached, cachedPath(defaultModel, cacheDir));
    expect(await resolveModel(undefined, cacheDir, () => undefined)).toMatchObject({
      sha256: defaultModel.sha256,
    });
  });

  it("comes from the next source where the first one cannot be reached, whole, with progress, and its hash is checked", async () => {
    sources(REFUSED, await hub(cached));
    const cacheDir = temporaryFolder();
    const shares: number[] = [];
    const model = await resolveModel(
      undefined,
      cacheDir,
      (_step, share) => share !== null && shares.push(share),
    );
    expect(await sha256OfFile(model.path)).toBe(defaultModel.sha256);
    expect(shares.at(-1)).toBeGreaterThan(0.5);
    expect(fs.readdirSync(path.join(cacheDir, "models"))).toEqual([path.basename(model.path)]);
  });

  it("is fetched again when the cached file was damaged", async () => {
    sources(REFUSED, await hub(cached));
    const cacheDir = temporaryFolder();
    fs.mkdirSync(path.join(cacheDir, "models"));
    fs.writeFileSync(cachedPath(defaultModel, cacheDir), "damaged");
    const steps: string[] = [];
    const model = await resolveModel(undefined, cacheDir, (step) => steps.push(step));
    expect(await sha256OfFile(model.path)).toBe(defaultModel.sha256);
    expect(steps.join()).toContain("damaged");
  });

  it("is refused where a source has another file under its name", async () => {
    const other = path.join(temporaryFolder(), "other.gguf");
    fs.writeFileSync(other, "GGUF but another one");
    sources(REFUSED, await hub(other));
    const cacheDir = temporaryFolder();
    await expect(resolveModel(undefined, cacheDir, () => undefined)).rejects.toMatchObject({
      code: "model-unreachable",
      details: expect.arrayContaining([expect.stringContaining("another hash")]),
    });
    expect(fs.existsSync(cachedPath(defaultModel, cacheDir))).toBe(false);
  });

  it("gives up on sources that never answer, and says what to do", async () => {
    sources(await silentServer(), await silentServer());
    // Two sources of five seconds; vitest's own limit is far longer than that and far shorter than pip's or the hub's.
    await expect(resolveModel(undefined, temporaryFolder(), () => undefined)).rejects.toMatchObject({
      code: "model-unreachable",
      hint: expect.stringContaining("--model"),
    });
  }, 30_000);
});

describe("a model of one's own", () => {
  it("is any GGUF file", async () => {
    const cacheDir = temporaryFolder();
    expect(await resolveModel(cached, cacheDir, () => undefined)).toEqual({
      name: defaultModel.name,
      path: cached,
      sha256: defaultModel.sha256,
    });
  });

  it("can come from a hub by its URI, and is offline afterwards", async () => {
    const cacheDir = temporaryFolder();
    const uri = "hf:somebody/some-model/file.gguf";
    sources(REFUSED, await hub(cached));
    const fetched = await resolveModel(uri, cacheDir, () => undefined);
    expect(fetched.sha256).toBe(defaultModel.sha256);
    sources(REFUSED, REFUSED);
    expect(await resolveModel(uri, cacheDir, () => undefined)).toEqual(fetched);
  });

  it.each([
    ["/nowhere/model.gguf", "model-not-found"],
    ["no-such-name", "model-not-found"],
    ["package.json", "model-corrupt"],
  ])("that is %s is refused with %s", async (spec, code) => {
    await expect(resolveModel(spec, temporaryFolder(), () => undefined)).rejects.toMatchObject({
      code,
      hint: expect.any(String),
    });
  });
});
