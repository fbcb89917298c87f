import { z } from "zod";
import { errorBody } from "./error-body.ts";
import { limits } from "./limits.ts";
import {
  AdapterSummary,
  Answer,
  Conversation,
  Decision,
  Expert,
  Message,
  Question,
  RouteCorrection,
  Timings,
  TokenCounts,
  Vote,
} from "./resources.ts";
import {
  type ClientEventName,
  ConversationChange,
  clientEvents,
  replies,
  serverEvents,
} from "./socket-events.ts";
import { LoggedEvent, TurnEvent } from "./turn-event.ts";

type Json = Record<string, unknown>;

/** Schemas that get a name of their own in the document. */
const named: Record<string, z.ZodType> = {
  AdapterSummary,
  Answer,
  Conversation,
  ConversationChange,
  Decision,
  ErrorBody: errorBody,
  Expert,
  LoggedEvent,
  Message,
  Question,
  RouteCorrection,
  Timings,
  TokenCounts,
  TurnEvent,
  Vote,
};

/** What each client event does, for people. */
const summaries: Record<ClientEventName, string> = {
  adapters: "The experts that are plugged in.",
  "conversation:list": "The person's conversations, newest first.",
  "conversation:create": "Starts a conversation, with a title and a pinned expert where given.",
  "conversation:open": "A conversation with all its messages, a tree by `parentId`.",
  "conversation:rename": "Gives a conversation another title.",
  "conversation:pin": "Lets one expert answer every turn of it; `auto` gives the choice back to the router.",
  "conversation:delete": "Deletes a conversation with its messages, events and votes.",
  "conversation:branch": "Shows another branch: the leaf reached from `messageId` by its newest children.",
  "message:send":
    "Appends a question below `parentId` (default: the active leaf) and starts its answer. Sent twice with one `clientId`, it is one question.",
  "message:regenerate": "Writes another answer beside `messageId`, by the same or another expert.",
  stop: "Ends an answer that is waiting or being written; stopping what has ended changes nothing.",
  subscribe: "Sends the answer's log after `afterSeq` as `generation` events, then each new entry.",
  unsubscribe: "Ends following an answer. The answer goes on.",
  "vote:set": "Rates an answer, or changes the rating.",
  "vote:retract": "Takes the rating back.",
  "route:correct":
    "Says who should have answered a question, or changes that; `base` is none of the experts. The router learns from it.",
  "route:retract": "Takes it back.",
};

const TRANSPORT = `Socket.IO protocol 5 over Engine.IO 4; any of its clients will do. Over a bare WebSocket:

1. Connect to \`/socket.io/?EIO=4&transport=websocket\`, with \`Authorization: Bearer KEY\` or a session's \`Cookie\` (\`POST /api/session\`). Frames are text.
2. The server sends \`0{…}\` with \`pingInterval\` and \`pingTimeout\`. Send \`40\`, or \`40{"key":"KEY"}\` where no header can be set, as in browsers; with a key a page of any origin is let in. The server answers \`40{"sid":"…"}\`, or \`44{"message","data"}\` where \`data\` is an ErrorBody that says why it does not let you in.
3. Answer each \`2\` with \`3\`.
4. Send an event as \`42ID["name",payload]\` with a number of your own as ID. Its acknowledgement comes as \`43ID[reply]\`.
5. What the server sends by itself comes as \`42["name",payload]\`.

Answers are made of log entries numbered from 1. After \`message:send\`, \`subscribe\` with \`afterSeq: 0\`; apply each entry whose \`seq\` is the next one, ignore what you have, and subscribe again from your last number after a lost connection or a gap. A disconnect never stops an answer. An event may have ${limits.eventBytes} bytes.`;

/** The socket protocol as an AsyncAPI 3.0 document, made of the schemas that the server checks with. */
export function asyncApiDocument(version: string): Json {
  const names = Object.keys(clientEvents) as ClientEventName[];
  const serverNames = Object.keys(serverEvents) as (keyof typeof serverEvents)[];
  const messageRef = (name: string) => ({ $ref: `#/channels/socket/messages/${name}` });
  const channel = { $ref: "#/channels/socket" };
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Patchbay socket protocol",
      version,
      description: TRANSPORT,
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    servers: { local: { host: "127.0.0.1:3000", protocol: "ws", pathname: "/socket.io/" } },
    channels: {
      socket: {
        address: "/",
        description: "Socket.IO's default namespace.",
        messages: Object.fromEntries([
          ...names.flatMap((name) => [
            [keyOf(name), { name, summary: summaries[name], payload: clientEventSchema(name) }],
            [replyKeyOf(name), { name: `${name} acknowledgement`, payload: ackSchema(name) }],
          ]),
          ...serverNames.map((name) => [
            serverKeyOf(name),
            { name, payload: outputSchema(serverEvents[name]) },
          ]),
        ]),
      },
    },
    operations: Object.fromEntries([
      ...names.map((name) => [
        keyOf(name),
        {
          action: "receive",
          channel,
          summary: summaries[name],
          messages: [messageRef(keyOf(name))],
          reply: { channel, messages: [messageRef(replyKeyOf(name))] },
        },
      ]),
      ...serverNames.map((name) => [
        serverKeyOf(name),
        { action: "send", channel, messages: [messageRef(serverKeyOf(name))] },
      ]),
    ]),
    components: { schemas: componentSchemas() },
  };
}

/** Names with a colon are no keys in AsyncAPI: `message:send` is `messageSend`. */
const keyOf = (event: string): string => event.replace(/:(.)/g, (_, letter: string) => letter.toUpperCase());
const replyKeyOf = (event: string): string => `${keyOf(event)}Reply`;
const serverKeyOf = (event: string): string => `on${event[0]?.toUpperCase()}${event.slice(1)}`;

/** Objects stay open: a client ignores the fields that a later version adds. */
const dialect = {
  target: "draft-7",
  override: ({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }) => {
    delete jsonSchema.additionalProperties;
  },
} as const;

const refTo = (name: string): string => `#/components/schemas/${name}`;

function registry(): z.core.$ZodRegistry<{ id: string }> {
  const ids = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) ids.add(schema, { id });
  return ids;
}

function componentSchemas(): Record<string, Json> {
  const { schemas } = z.toJSONSchema(registry(), { ...dialect, uri: refTo });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, withoutIds(schema)]));
}

const clientEventSchema = (name: ClientEventName): Json =>
  withoutIds(z.toJSONSchema(clientEvents[name], { ...dialect, io: "input" }));

const ackSchema = (name: ClientEventName): Json => ({
  oneOf: [
    outputSchema(replies[name].extend({ ok: z.literal(true) })),
    outputSchema(z.object({ ok: z.literal(false), error: errorBody })),
  ],
});

/** As the server sends it. Named schemas are pointed to. */
function outputSchema(schema: z.ZodType): Json {
  const known = Object.entries(named).find(([, other]) => other === schema);
  if (known) return { $ref: refTo(known[0]) };
  const ids = registry();
  ids.add(schema, { id: "this" });
  const { schemas } = z.toJSONSchema(ids, { ...dialect, uri: refTo });
  return withoutIds(schemas.this as Json);
}

const withoutIds = ({ $id: _id, $schema: _schema, id: _name, ...schema }: Json): Json => schema;
