import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

export interface PostedMessage {
  channel: string;
  thread: string | null;
  text: string;
  blocks: { type: string; [field: string]: unknown }[];
  streaming: boolean;
  /** Texts as they were seen one after the other. */
  history: string[];
}

interface Call {
  method: string;
  args: Record<string, string>;
  at: number;
  status: number;
}

type Reply = { ok: boolean; error?: string; [field: string]: unknown };

export const BOT = {
  userId: "U0BOT",
  botId: "B0BOT",
  teamId: "T0TEAM",
  token: "xoxb-test",
  appToken: "xapp-test",
};

/**
 * A Slack workspace on loopback: its Web API with the rules a bridge can break (tokens, limits of length, states of a
 * stream, 429 with Retry-After), socket mode with acknowledgements, and signed HTTP requests.
 */
export class SlackWorkspace {
  readonly calls: Call[] = [];
  readonly messages = new Map<string, PostedMessage>();
  /** Only one person sees these. */
  readonly ephemeral: { user: string; text: string }[] = [];
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  readonly #acknowledged = new Map<string, (payload: unknown) => void>();
  readonly #limited = new Map<string, { times: number; seconds: number }>();
  readonly #refusals = new Map<string, string[]>();
  readonly #delays = new Map<string, number>();
  readonly #without: ReadonlySet<string>;
  #signed: { url: string; secret: string } | null = null;
  #socket: WebSocket | null = null;
  #clock = 1_700_000_000_000_000;

  /** @param without methods and blocks that this workspace does not have */
  static async start(without: string[] = []): Promise<SlackWorkspace> {
    const workspace = new SlackWorkspace(new Set(without));
    await once(workspace.#http.listen(0, "127.0.0.1"), "listening");
    return workspace;
  }

  private constructor(without: ReadonlySet<string>) {
    this.#without = without;
    this.#http = createServer((request, response) => {
      void this.#serve(request).then(({ status, headers, body }) => {
        response.writeHead(status, { "content-type": "application/json", ...headers });
        response.end(JSON.stringify(body));
      });
    });
    this.#sockets = new WebSocketServer({ server: this.#http });
    this.#sockets.on("connection", (socket) => {
      this.#socket = socket;
      socket.send(JSON.stringify({ type: "hello", num_connections: 1 }));
      socket.on("message", (data) => {
        const { envelope_id, payload } = JSON.parse(String(data));
        this.#acknowledged.get(envelope_id)?.(payload);
      });
    });
  }

  get apiUrl(): string {
    return `${this.#origin}/api/`;
  }

  get #origin(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** A new message's timestamp, later than all before. */
  newTs(): string {
    this.#clock += 1_000;
    return (this.#clock / 1_000_000).toFixed(6);
  }

  /** Answers the next calls of a method with 429. */
  limit(method: string, times: number, seconds: number): void {
    this.#limited.set(method, { times, seconds });
  }

  /** Refuses the next calls of a method, with one error after the other. */
  refuse(method: string, ...errors: string[]): void {
    this.#refusals.set(method, errors);
  }

  /** Lets a method's replies come late. */
  delay(method: string, ms: number): void {
    this.#delays.set(method, ms);
  }

  /** From now on what happens is told by signed requests. */
  tellBySigned(url: string, secret: string): void {
    this.#signed = { url, secret };
  }

  /** The bot's messages in a thread, oldest first. */
  inThread(thread: string): (PostedMessage & { ts: string })[] {
    return [...this.messages]
      .filter(([, message]) => message.thread === thread)
      .map(([ts, message]) => ({ ts, ...message }));
  }

  callsOf(method: string): Call[] {
    return this.calls.filter((call) => call.method === method);
  }

  /** Delivers an event; resolves when it is acknowledged. */
  event(
    event: Record<string, unknown>,
    delivery: { eventId?: string; retry?: number } = {},
  ): Promise<unknown> {
    return this.#deliver("events_api", eventBody(event, delivery.eventId), {
      retry_attempt: delivery.retry ?? 0,
      retry_reason: delivery.retry ? "timeout" : "",
    });
  }

  /** @returns what the person sees in reply */
  async command(text: string, where: { channel: string; user: string }): Promise<string> {
    const { path, replied } = this.#responseUrl();
    await this.#deliver("slash_commands", commandBody(text, where, `${this.#origin}${path}`), {});
    return replied;
  }

  press(
    value: "1" | "-1",
    on: { channel: string; ts: string; thread: string },
    user: string,
  ): Promise<unknown> {
    return this.#deliver("interactive", pressBody(value, on, user, this.newTs()), {});
  }

  async close(): Promise<void> {
    this.#socket?.terminate();
    this.#sockets.close();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #responseUrl(): { path: string; replied: Promise<string> } {
    const path = `/respond/${randomUUID()}`;
    const replied = new Promise<string>((resolve) => this.#responders.set(path, resolve));
    return { path, replied };
  }
  readonly #responders = new Map<string, (text: string) => void>();

  #deliver(type: string, payload: object, more: object): Promise<unknown> {
    if (this.#signed) return this.#send(this.#signed, type, payload);
    const envelope_id = randomUUID();
    const acknowledged = new Promise((resolve) => this.#acknowledged.set(envelope_id, resolve));
    this.#socket?.send(
      JSON.stringify({
        type,
        envelope_id,
        payload,
        accepts_response_payload: type !== "events_api",
        ...more,
      }),
    );
    return acknowledged;
  }

  /** Events are JSON, a command is a form, and what is pressed is JSON in a form. */
  async #send({ url, secret }: { url: string; secret: string }, type: string, payload: object) {
    const json = JSON.stringify(payload);
    const form = type === "slash_commands" ? { ...payload } : { payload: json };
    const { status } = await (type === "events_api"
      ? sendSigned(url, json, { secret })
      : sendSigned(url, String(new URLSearchParams(form)), {
          secret,
          type: "application/x-www-form-urlencoded",
        }));
    return status;
  }

  async #serve(
    request: IncomingMessage,
  ): Promise<{ status: number; headers: Record<string, string>; body: object }> {
    const url = request.url ?? "";
    const raw = await bodyOf(request);
    const respond = this.#responders.get(url);
    if (respond) {
      respond(JSON.parse(raw).text);
      return { status: 200, headers: {}, body: { ok: true } };
    }
    const method = url.replace("/api/", "");
    const args = Object.fromEntries(new URLSearchParams(raw));
    const limited = this.#limited.get(method);
    const refused = limited !== undefined && limited.times > 0;
    this.calls.push({ method, args, at: Date.now(), status: refused ? 429 : 200 });
    if (refused) {
      limited.times--;
      const headers = { "retry-after": String(limited.seconds) };
      return { status: 429, headers, body: { ok: false, error: "ratelimited" } };
    }
    const token = request.headers.authorization?.replace("Bearer ", "");
    const body = this.#call(method, args, token);
    await new Promise((resolve) => setTimeout(resolve, this.#delays.get(method) ?? 0));
    return { status: 200, headers: {}, body };
  }

  #call(method: string, args: Record<string, string>, token: string | undefined): Reply {
    if (token !== (method === "apps.connections.open" ? BOT.appToken : BOT.token))
      return refusal("invalid_auth");
    if (this.#without.has(method)) return refusal("unknown_method");
    const refused = this.#refusals.get(method)?.shift();
    if (refused) return refusal(refused);
    if ((args.markdown_text ?? "").length > 12_000) return refusal("msg_too_long");
    switch (method) {
      case "auth.test":
        return { ok: true, user_id: BOT.userId, bot_id: BOT.botId, team_id: BOT.teamId };
      case "apps.connections.open":
        return { ok: true, url: `${this.#origin.replace("http", "ws")}/link` };
      case "chat.startStream":
        return this.#startStream(args);
      case "chat.postMessage":
        return this.#post(args, false);
      case "chat.postEphemeral":
        this.ephemeral.push({ user: args.user ?? "", text: args.text ?? "" });
        return { ok: true };
      case "assistant.threads.setStatus":
        return { ok: true };
      case "chat.appendStream":
      case "chat.stopStream":
      case "chat.update":
        return this.#change(method, args);
      default:
        return refusal("unknown_method");
    }
  }

  #startStream(args: Record<string, string>): Reply {
    if (!args.thread_ts) return refusal("invalid_arguments");
    const isDirect = args.channel?.startsWith("D");
    if (!isDirect && !args.recipient_user_id) return refusal("missing_recipient_user_id");
    if (!isDirect && args.recipient_team_id !== BOT.teamId) return refusal("missing_recipient_team_id");
    return this.#post(args, true);
  }

  #post(args: Record<string, string>, streaming: boolean): Reply {
    const text = args.markdown_text ?? args.text ?? "";
    if (text === "" && !args.blocks) return refusal("no_text");
    const ts = this.newTs();
    const { channel = "", thread_ts: thread = null } = args;
    this.messages.set(ts, { channel, thread, text, blocks: [], streaming, history: [text] });
    return { ok: true, ts, channel };
  }

  #change(method: string, args: Record<string, string>): Reply {
    const message = this.messages.get(args.ts ?? "");
    if (!message || message.channel !== args.channel) return refusal("message_not_found");
    const blocks: PostedMessage["blocks"] = args.blocks ? JSON.parse(args.blocks) : [];
    if (blocks.some(({ type }) => this.#without.has(type))) return refusal("invalid_blocks");
    const problem =
      method === "chat.update" ? edited(message, args, blocks) : streamed(message, method, args, blocks);
    if (problem) return refusal(problem);
    message.history.push(message.text);
    return { ok: true, ts: args.ts ?? "", channel: message.channel };
  }
}

function edited(
  message: PostedMessage,
  args: Record<string, string>,
  blocks: PostedMessage["blocks"],
): string | null {
  if (message.streaming) return "streaming_state_conflict";
  if (args.markdown_text && (args.blocks || args.text)) return "markdown_text_conflict";
  const markdown = blocks.find(({ type }) => type === "markdown")?.text as string | undefined;
  message.text = args.markdown_text ?? markdown ?? (args.blocks ? "" : (args.text ?? ""));
  message.blocks = blocks;
  return null;
}

function streamed(
  message: PostedMessage,
  method: string,
  args: Record<string, string>,
  blocks: PostedMessage["blocks"],
): string | null {
  if (!message.streaming) return "message_not_in_streaming_state";
  message.text += args.markdown_text ?? "";
  if (method === "chat.stopStream") Object.assign(message, { streaming: false, blocks });
  return null;
}

/** A request as Slack signs it: https://docs.slack.dev/authentication/verifying-requests-from-slack */
export function sendSigned(
  url: string,
  body: string,
  signed: { secret: string; at?: number; type?: string; headers?: Record<string, string> },
): Promise<Response> {
  const timestamp = String(Math.floor((signed.at ?? Date.now()) / 1_000));
  const hash = createHmac("sha256", signed.secret).update(`v0:${timestamp}:${body}`).digest("hex");
  return fetch(url, {
    method: "POST",
    headers: {
      "content-type": signed.type ?? "application/json",
      "x-slack-request-timestamp": timestamp,
      "x-slack-signature": `v0=${hash}`,
      ...signed.headers,
    },
    body,
  });
}

export const eventBody = (event: Record<string, unknown>, eventId = `Ev${randomUUID()}`) => ({
  type: "event_callback",
  token: "legacy",
  team_id: BOT.teamId,
  api_app_id: "A0APP",
  event,
  event_id: eventId,
  event_time: Math.floor(Date.now() / 1_000),
  authorizations: [{ team_id: BOT.teamId, user_id: BOT.userId, is_bot: true }],
});

const commandBody = (
  text: string,
  { channel, user }: { channel: string; user: string },
  responseUrl: string,
) => ({
  command: "/patchbay",
  text,
  channel_id: channel,
  user_id: user,
  team_id: BOT.teamId,
  response_url: responseUrl,
  trigger_id: "1.2.3",
});

const pressBody = (
  value: string,
  on: { channel: string; ts: string; thread: string },
  user: string,
  at: string,
) => ({
  type: "block_actions",
  team: { id: BOT.teamId },
  user: { id: user, team_id: BOT.teamId },
  channel: { id: on.channel },
  message: { ts: on.ts, thread_ts: on.thread, type: "message" },
  container: { type: "message", message_ts: on.ts, channel_id: on.channel },
  actions: [{ type: "feedback_buttons", action_id: "patchbay_vote", block_id: "b", value, action_ts: at }],
});

const refusal = (error: string): Reply => ({ ok: false, error });

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  return body;
}
