import path from "node:path";
import { PatchbayClient } from "../../client/sdk/index.ts";
import { terminalSession } from "../../client/terminal/index.ts";
import { readConfig } from "../config.ts";
import { type Health, PatchbayError } from "../protocol/index.ts";

export interface Connection {
  client: PatchbayClient;
  /** Tokens that the model on the server's machine can read and write for one answer. */
  contextSize: number;
  close(): Promise<void>;
}

/**
 * A connection for the terminal: to PATCHBAY_URL, else to a server on the default port, else to one that this process
 * starts for itself on a free port, which ends with it.
 */
export async function connect(options: {
  model?: string | undefined;
  log: (line: string) => void;
}): Promise<Connection> {
  const config = readConfig(process.env);
  const key = process.env.PATCHBAY_KEY;
  const credentials = async (url: string, folder: string, name: string) =>
    key
      ? { key }
      : { cookie: await terminalSession(url, { file: path.join(folder, "terminal-sessions.json"), name }) };
  const remote =
    process.env.PATCHBAY_URL ??
    (options.model ? null : await serverAt(`http://127.0.0.1:${config.port || 3000}`));
  if (remote) {
    const url = remote.replace(/\/$/, "");
    const { engine } = await untilReady(url, options.log);
    const cookieOrKey = await credentials(url, config.cacheDir, url);
    return open(url, cookieOrKey, engine.contextSize, async () => undefined);
  }
  // Not above: every command, --help too, would load the whole server.
  const { Patchbay } = await import("../main.ts");
  const own = await Patchbay.start(
    // Its lines are for whoever sits at the terminal.
    { ...config, host: "127.0.0.1", port: 0, log: "lines", model: options.model ?? config.model },
    { log: options.log },
  );
  try {
    await own.ready;
    // Its port is another each time, its people are those of the data folder.
    const cookieOrKey = await credentials(own.url, config.dataDir, "own");
    return await open(own.url, cookieOrKey, config.contextSize, () => own.close());
  } catch (error) {
    await own.close();
    throw error;
  }
}

async function open(
  url: string,
  credentials: { key?: string; cookie?: string },
  contextSize: number,
  after: () => Promise<void>,
): Promise<Connection> {
  const client = new PatchbayClient(url, credentials);
  const close = async () => {
    client.close();
    await after();
  };
  try {
    await client.ready();
  } catch (error) {
    await close();
    throw error;
  }
  return { client, contextSize, close };
}

/** The address where a Patchbay server answers, or null. */
async function serverAt(url: string): Promise<string | null> {
  return (await healthOf(url)) ? url : null;
}

async function healthOf(url: string): Promise<Health | null> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1_000) });
    const body = (await response.json()) as Partial<Health>;
    return body.status === "ready" || body.status === "starting" ? (body as Health) : null;
  } catch {
    // Nothing listens there, or something that is not Patchbay.
    return null;
  }
}

/** Waits for a server that is starting. @throws {PatchbayError} `server-unreachable`, or why it will not become ready */
export async function untilReady(
  url: string,
  log: (line: string) => void,
): Promise<Extract<Health, { status: "ready" }>> {
  let step = "";
  for (;;) {
    const health = await healthOf(url);
    if (!health)
      throw new PatchbayError("server-unreachable", `No Patchbay server answers at ${url}.`, {
        hint: "Check PATCHBAY_URL, or start one with: npx patchbay serve",
      });
    if (health.status === "ready") return health;
    if (health.error) throw PatchbayError.fromBody(health.error);
    if (health.step !== step) log(health.step);
    step = health.step;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
