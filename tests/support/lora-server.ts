import fs from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Readable } from "node:stream";
import { onTestFinished } from "vitest";

type Kind = "vllm" | "sglang";

export const BASE_MODEL = "base-model";

/**
 * What vLLM and SGLang say of adapters, over a real llama-server that computes: names that are loaded, listed, unloaded and
 * refused as https://github.com/vllm-project/vllm (entrypoints/openai) and https://github.com/sgl-project/sglang do.
 */
export class LoraServer {
  readonly loaded = new Map<string, string>();
  /** Models and adapters that were asked to answer. */
  readonly asked: unknown[] = [];
  readonly #kind: Kind;
  readonly #upstream: string;
  readonly #http: Server;

  static async start(kind: Kind, upstream: string): Promise<LoraServer> {
    const server = new LoraServer(kind, upstream);
    await new Promise<void>((resolve) => server.#http.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.#http.close());
    return server;
  }

  private constructor(kind: Kind, upstream: string) {
    this.#kind = kind;
    this.#upstream = upstream;
    this.#http = createServer((request, response) => {
      this.#answer(request, response).catch((error: Error) => response.destroy(error));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += part;
    const body = text === "" ? {} : JSON.parse(text);
    const own = this.#kind === "vllm" ? "/v1" : "";
    switch (request.url) {
      case "/v1/models":
        return reply(response, 200, { data: [BASE_MODEL, ...this.loaded.keys()].map((id) => ({ id })) });
      case `${own}/load_lora_adapter`:
        return this.#load(body, response);
      case `${own}/unload_lora_adapter`:
        return reply(response, this.loaded.delete(body.lora_name) ? 200 : 404, {});
      case "/v1/chat/completions":
        return this.#complete(body, response);
      default:
        return reply(response, 404, { detail: "Not Found" });
    }
  }

  #load({ lora_name: name, lora_path: folder }: Record<string, string>, response: ServerResponse): void {
    const refuse = (message: string) => reply(response, 400, { message });
    const config = path.join(folder ?? "", "adapter_config.json");
    if (!name || !folder || this.loaded.has(name))
      refuse(`The lora adapter '${name}' has already been loaded.`);
    else if (!fs.existsSync(config) || JSON.parse(fs.readFileSync(config, "utf8")).peft_type !== "LORA")
      refuse(`${folder} is no PEFT adapter`);
    else {
      this.loaded.set(name, folder);
      response.end(`Success: LoRA adapter '${name}' added successfully.`);
    }
  }

  async #complete(body: Record<string, unknown>, response: ServerResponse): Promise<void> {
    const name = this.#adapterIn(String(body.model));
    this.asked.push(body.model);
    if (name !== null && !this.loaded.has(name))
      return reply(response, 404, { error: { message: `The model ${body.model} does not exist.` } });
    const list = await fetch(`${this.#upstream}/lora-adapters`);
    const adapters = (await list.json()) as { id: number; path: string }[];
    // A copy's folder begins with the content's hash, as the file's name does.
    const stem = name && path.basename(this.loaded.get(name) ?? "").slice(0, 16);
    const lora = adapters.map(({ id, path: file }) => ({
      id,
      scale: path.basename(file, ".gguf") === stem ? 1 : 0,
    }));
    const { repetition_penalty: repeat_penalty, ...rest } = body;
    const answer = await fetch(`${this.#upstream}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ ...rest, repeat_penalty, lora, cache_prompt: false }),
    });
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
    const stream = Readable.fromWeb(answer.body as import("node:stream/web").ReadableStream);
    response.on("close", () => stream.destroy());
    stream.on("error", () => response.destroy()).pipe(response);
  }

  /** null: the base model. */
  #adapterIn(model: string): string | null {
    if (model === BASE_MODEL) return null;
    return this.#kind === "vllm" ? model : (model.split(":")[1] ?? null);
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
