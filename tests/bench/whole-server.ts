import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { type Answer, OpenConversation, PatchbayClient, randomId } from "../../client/sdk/index.ts";
import { nextMessage } from "./next-message.ts";
import type { FromServer, ToServer } from "./server-process.ts";

/** A server process of its own with its data in `dataDir`. */
export class WholeServer {
  readonly #child: ChildProcess;
  readonly url: string;

  /** @param env on top of this process's */
  static async start(dataDir: string, env: Record<string, string> = {}): Promise<WholeServer> {
    const child = fork(path.join(import.meta.dirname, "server-process.js"), {
      env: { ...process.env, PORT: "0", HOST: "127.0.0.1", PATCHBAY_DATA: dataDir, ...env },
      execArgv: [],
    });
    const reply = await nextMessage<FromServer>(child);
    if ("url" in reply) return new WholeServer(child, reply.url);
    child.disconnect();
    throw new Error(`the server did not start: ${"failed" in reply ? reply.failed : "no address"}`);
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** The server process; the model's is another. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Processor time of the server process so far, in ms; the model process's is not in it. */
  async cpuMs(): Promise<number> {
    const message = await this.#ask("cpu");
    return "cpuMs" in message ? message.cpuMs : Number.NaN;
  }

  /** Frees what the start has left behind, which would take in what is measured. */
  async collectGarbage(): Promise<void> {
    await this.#ask("collect");
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.send("close" satisfies ToServer);
    await exited;
  }

  #ask(what: ToServer): Promise<FromServer> {
    const reply = nextMessage<FromServer>(this.#child);
    this.#child.send(what);
    return reply;
  }
}

/** Somebody with a session of their own, connected over a socket as every client is. */
export class Person {
  readonly #client: PatchbayClient;

  static async visit(url: string): Promise<Person> {
    const response = await fetch(`${url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const cookie = response.headers.getSetCookie()[0]?.split(";")[0];
    const client = new PatchbayClient(url, cookie ? { cookie } : {});
    await client.ready();
    return new Person(client);
  }

  private constructor(client: PatchbayClient) {
    this.#client = client;
  }

  newConversation(): Promise<OpenConversation> {
    return OpenConversation.create(this.#client);
  }

  leave(): void {
    this.#client.close();
  }
}

/** Asks and reads along until the answer has ended. @throws {Error} where it failed */
export const askOverSocket = (open: OpenConversation, question: string): Promise<Answer> =>
  readOverSocket(open, question, () => undefined);

/** As {@link askOverSocket}; `onUpdate` sees each state on the way. */
export async function readOverSocket(
  open: OpenConversation,
  question: string,
  onUpdate: (answer: Answer) => void,
): Promise<Answer> {
  const { id } = await open.send(question, { clientId: randomId() });
  const answer = await open.follow(id, onUpdate);
  if (answer.error) throw new Error(`the server could not answer: ${answer.error.message}`);
  return answer;
}
