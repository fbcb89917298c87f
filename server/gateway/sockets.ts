import type { Server as HttpServer } from "node:http";
import { Server, type Socket } from "socket.io";
import type { z } from "zod";
import { type Conversations, type Turns, toPatchbayError } from "../chat/index.ts";
import type { RouteCorrections, Votes } from "../feedback/index.ts";
import {
  type AdapterSummary,
  type ClientEventName,
  type ClientEventPayload,
  type ClientToServerEvents,
  type ConversationChange,
  clientEvents,
  limits,
  PatchbayError,
  type Replies,
  type ServerToClientEvents,
} from "../protocol/index.ts";
import { SignIn } from "./http.ts";
import {
  type Credentials,
  credentialsOf,
  type Identity,
  type Person,
  requireKeyElsewhere,
  requireScope,
} from "./identity.ts";
import { isAllowedHost } from "./origin.ts";
import type { RateLimits } from "./rate-limits.ts";

/** What the events act on; there once the server is ready. */
export interface SocketServices {
  conversations: Conversations;
  turns: Turns;
  votes: Votes;
  routeCorrections: RouteCorrections;
  adapters: () => AdapterSummary[];
}

export interface SocketDeps {
  identity: Identity;
  rateLimits: RateLimits;
  host: string;
  /** null while starting: connections are then turned away, and clients come again. */
  services: () => SocketServices | null;
  onFault: (error: unknown) => void;
}

interface SocketData {
  /** null: a visitor of this connection alone, who brought neither cookie nor key. */
  userId: string;
  visitor: boolean;
  /** generation id → how to stop following it. */
  following: Map<string, () => void>;
}

type AppServer = Server<ClientToServerEvents, ServerToClientEvents, Record<never, never>, SocketData>;
type AppSocket = Socket<ClientToServerEvents, ServerToClientEvents, Record<never, never>, SocketData>;

type Handlers = {
  [Name in ClientEventName]: (
    services: SocketServices,
    userId: string,
    payload: ClientEventPayload<Name>,
    socket: AppSocket,
  ) => Promise<Replies[Name]>;
};

const handlers: Handlers = {
  adapters: async ({ adapters }) => ({ adapters: adapters() }),
  "conversation:list": async ({ conversations }, userId) => ({
    conversations: await conversations.list(userId),
  }),
  "conversation:create": async ({ conversations }, userId, options) => ({
    conversation: await conversations.create(userId, options),
  }),
  "conversation:open": ({ conversations }, userId, { conversationId }) =>
    conversations.open(userId, conversationId),
  "conversation:rename": async ({ conversations }, userId, { conversationId, title }) => ({
    conversation: await conversations.rename(userId, conversationId, title),
  }),
  "conversation:pin": async ({ conversations }, userId, { conversationId, pinned }) => ({
    conversation: await conversations.pin(userId, conversationId, pinned),
  }),
  "conversation:branch": async ({ conversations }, userId, { conversationId, messageId }) => ({
    conversation: await conversations.showBranch(userId, conversationId, messageId),
  }),
  "conversation:delete": async ({ conversations }, userId, { conversationId }) => {
    await conversations.delete(userId, conversationId);
    return { conversationId };
  },
  "message:send": ({ turns }, userId, request) => turns.send(userId, request),
  "message:regenerate": ({ turns }, userId, { messageId, adapter }) =>
    turns.regenerate(userId, messageId, adapter),
  stop: async ({ turns }, userId, { generationId }) => ({ stopped: await turns.stop(userId, generationId) }),
  subscribe: async ({ turns }, userId, { generationId, afterSeq }, socket) => {
    const { following } = socket.data;
    following.get(generationId)?.();
    const stop = await turns.subscribe(userId, generationId, afterSeq, (logged) =>
      socket.emit("generation", logged),
    );
    // It may have gone while the log was read.
    if (socket.disconnected) stop();
    else following.set(generationId, stop);
    return { generationId };
  },
  unsubscribe: async (_services, _userId, { generationId }, socket) => {
    socket.data.following.get(generationId)?.();
    socket.data.following.delete(generationId);
    return { generationId };
  },
  "vote:set": async ({ votes }, userId, { messageId, ...vote }) => ({
    vote: await votes.set(userId, messageId, vote),
  }),
  "vote:retract": async ({ votes }, userId, { messageId }) => {
    await votes.retract(userId, messageId);
    return {};
  },
  "route:correct": ({ routeCorrections }, userId, { messageId, expert }) =>
    routeCorrections.set(userId, messageId, expert),
  "route:retract": ({ routeCorrections }, userId, { messageId }) =>
    routeCorrections.retract(userId, messageId),
};

/** The socket side of the server: every event is checked, answered and made under the person's own name. */
export class SocketGateway {
  readonly #io: AppServer;
  readonly #deps: SocketDeps;

  constructor(http: HttpServer, deps: SocketDeps) {
    this.#deps = deps;
    this.#io = new Server(http, {
      // Events over limits.eventBytes get an answer that says so; only far larger ones cost the connection.
      maxHttpBufferSize: 8 * limits.eventBytes,
      serveClient: false,
      // CORS does not apply to WebSockets: the origin is looked at when the key is known.
      allowRequest: (request, answer) =>
        answer(null, deps.services() !== null && isAllowedHost(request.headers, deps.host)),
    });
    this.#io.use((socket, next) => {
      this.#admit(socket).then(
        () => next(),
        (error) => next(Object.assign(new Error("refused"), { data: toPatchbayError(error).toBody() })),
      );
    });
    this.#io.on("connection", (socket) => this.#serve(socket));
  }

  get connected(): number {
    return this.#io.of("/").sockets.size;
  }

  /** Tells every connection of a person. */
  publish(userId: string, change: ConversationChange): void {
    this.#io.to(roomOf(userId)).emit("conversation", change);
  }

  /** Tells everybody. */
  announce(adapters: AdapterSummary[]): void {
    this.#io.emit("adapters", { adapters });
  }

  async close(): Promise<void> {
    await this.#io.close();
  }

  async #admit(socket: AppSocket): Promise<void> {
    const { identity } = this.#deps;
    const credentials = credentialsFrom(socket.handshake);
    const person = await identity.identify(credentials);
    requireKeyElsewhere(person, credentials);
    const userId = person?.userId ?? (await identity.welcome()).userId;
    socket.data = { userId, visitor: person === null, following: new Map() };
    await socket.join(roomOf(userId));
  }

  #serve(socket: AppSocket): void {
    socket.on("disconnect", () => {
      for (const stop of socket.data.following.values()) stop();
      socket.data.following.clear();
    });
    // Any event, known or not, comes through here: a client that is wrong learns why.
    socket.use(([name, ...args], _next) => {
      const last: unknown = args.at(-1);
      const acknowledge = typeof last === "function" ? (reply: unknown) => last(reply) : () => undefined;
      const payload: unknown = typeof last === "function" ? args[0] : (args[0] ?? {});
      this.#handle(socket, String(name), payload === last ? {} : payload).then(
        (reply) => acknowledge({ ok: true, ...reply }),
        (cause) => {
          const error = toPatchbayError(cause);
          if (error.code === "internal") this.#deps.onFault(cause);
          acknowledge({ ok: false, error: error.toBody() });
          if (error.code === "not-signed-in") socket.disconnect(true);
        },
      );
    });
  }

  async #handle(socket: AppSocket, name: string, payload: unknown): Promise<object> {
    const services = this.#deps.services();
    if (!services) throw new PatchbayError("starting", "The server is shutting down.");
    if (!isEventName(name))
      throw new PatchbayError("bad-request", `There is no event "${name.slice(0, 40)}".`);
    const person = await this.#stillWelcome(socket);
    if (person) requireScope(person, isFeedback(name) ? "feedback" : "chat");
    if (person && startsTurn.has(name)) await this.#deps.rateLimits.take(person);
    return dispatch(services, socket, name, payload);
  }

  /** A key may have been revoked since the connection was made. */
  async #stillWelcome(socket: AppSocket): Promise<Person | null> {
    const person = await this.#deps.identity.identify(credentialsFrom(socket.handshake));
    const same = person ? person.userId === socket.data.userId : socket.data.visitor;
    if (!same)
      throw new PatchbayError("not-signed-in", "This session has ended.", { hint: "Load the page again." });
    return person;
  }
}

/**
 * A key may come in socket.io's own payload: browsers let no page set a header of a WebSocket.
 * @throws {PatchbayError} `bad-request`
 */
function credentialsFrom({ headers, auth }: AppSocket["handshake"]): Credentials {
  const parsed = SignIn.safeParse(auth);
  if (!parsed.success) throw new PatchbayError("bad-request", 'The auth payload is {} or {"key": "…"}.');
  const { key } = parsed.data;
  const credentials = credentialsOf({ headers });
  return key === undefined ? credentials : { ...credentials, authorization: `Bearer ${key}` };
}

const startsTurn: ReadonlySet<ClientEventName> = new Set(["message:send", "message:regenerate"]);

const isFeedback = (name: ClientEventName): boolean => name.startsWith("vote:") || name.startsWith("route:");

const roomOf = (userId: string): string => `user:${userId}`;

const isEventName = (name: string): name is ClientEventName => Object.hasOwn(clientEvents, name);

async function dispatch<Name extends ClientEventName>(
  services: SocketServices,
  socket: AppSocket,
  name: Name,
  payload: unknown,
): Promise<Replies[Name]> {
  if (JSON.stringify(payload ?? {}).length > limits.eventBytes)
    throw new PatchbayError("too-large", `An event may have ${limits.eventBytes} bytes at most.`);
  const schema: z.ZodType = clientEvents[name];
  const parsed = schema.safeParse(payload);
  if (!parsed.success) throw fromIssue(parsed.error.issues[0]);
  return handlers[name](services, socket.data.userId, parsed.data as ClientEventPayload<Name>, socket);
}

function fromIssue(issue: z.core.$ZodIssue | undefined): PatchbayError {
  const field = issue?.path.join(".") || "payload";
  if (issue?.code === "too_big")
    return new PatchbayError("too-large", `${field} is too long: ${issue.maximum} characters at most.`);
  return new PatchbayError("bad-request", `${field}: ${issue?.message ?? "not valid"}.`);
}
