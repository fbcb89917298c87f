/*
 * Every id is a ULID made by the server, every time an ISO 8601 string in UTC, every *_json column JSON text.
 * Foreign keys cascade from a person to their conversations down to each event and vote.
 */

export interface UsersTable {
  id: string;
  created_at: string;
}

/** A browser's or client's cookie; only the token's SHA-256 is stored. */
export interface SessionsTable {
  id: string;
  user_id: string;
  token_hash: string;
  /** The key that opened it: revoking the key ends the session. null: a visitor on loopback. */
  api_key_id: string | null;
  created_at: string;
}

export interface ApiKeysTable {
  id: string;
  user_id: string;
  name: string;
  key_hash: string;
  /** First characters, to tell keys apart. */
  prefix: string;
  /** What it may be used for. */
  scopes_json: string;
  /** Turns and API requests that it may make in a minute; null: any number. */
  per_minute: number | null;
  created_at: string;
  revoked_at: string | null;
}

export interface ConversationsTable {
  id: string;
  user_id: string;
  /** `api`: one completion of the OpenAI-compatible API, whose caller keeps the conversation. It is in nobody's list. */
  origin: "chat" | "api";
  title: string;
  pinned: string | null;
  active_leaf_id: string | null;
  created_at: string;
  updated_at: string;
}

/** A tree: regenerated answers and edited questions are siblings. */
export interface MessagesTable {
  id: string;
  conversation_id: string;
  parent_id: string | null;
  role: "user" | "assistant";
  /** Empty while an answer is streaming: its text is then in generation_events. */
  text: string;
  client_id: string | null;
  created_at: string;
}

export interface GenerationsTable {
  id: string;
  message_id: string;
  status: "streaming" | "complete" | "cut-off" | "stopped" | "failed" | "interrupted";
  /** What was asked for: an adapter's id, `base`, or `auto`. */
  requested: string;
  expert_json: string | null;
  base_name: string | null;
  /** null: a model elsewhere, of which no more than the name is known. */
  base_sha256: string | null;
  prompt_sha256: string | null;
  /** The messages that the model saw, as JSON. */
  prompt_json: string | null;
  sampling_json: string | null;
  seed: number | null;
  dropped_turns: number;
  timings_json: string | null;
  tokens_json: string | null;
  /** Of an answer by an engine that has a price, in that price's currency. */
  cost: number | null;
  error_json: string | null;
  created_at: string;
  finished_at: string | null;
}

export interface GenerationEventsTable {
  generation_id: string;
  /** From 1, without gaps. */
  seq: number;
  payload: string;
}

export interface RouteDecisionsTable {
  generation_id: string;
  domain: string;
  confidence: number;
  runner_up: string | null;
  runner_up_confidence: number | null;
  reason: string;
  evidence_json: string;
  head: string;
  pinned: number;
  /** Who was close to being chosen; null also in rows from before this was kept. */
  alternative: string | null;
  heard: "words" | "meaning" | null;
}

/** What somebody saw when they voted. Never updated: a trigger refuses it. */
export interface SnapshotsTable {
  id: string;
  generation_id: string;
  /** SHA-256 of payload_json. */
  sha256: string;
  payload_json: string;
  created_at: string;
}

export interface VotesTable {
  id: string;
  message_id: string;
  user_id: string;
  snapshot_id: string;
  value: 1 | -1;
  reasons_json: string;
  comment: string;
  correction: string;
  created_at: string;
  updated_at: string;
}

/** What a person says of a question that was sent to the wrong expert, with all that the router learns from it. */
export interface RouteCorrectionsTable {
  id: string;
  /** The question. */
  message_id: string;
  user_id: string;
  expert: string;
  /** The turn as it was routed: its text, and what was said before on its branch. */
  turn_json: string;
  /** Who answered, and by which head it was chosen. */
  answered_by: string;
  head: string;
  /** When a rollback left it out; null: it counts. */
  set_aside_at: string | null;
  created_at: string;
  updated_at: string;
}

/** Every head that was live, or was made from corrections and refused. Its file lies in the data folder. */
export interface RouterHeadsTable {
  id: string;
  /** From 1. */
  ordinal: number;
  /** Hash of what it has learnt, and how. */
  version: string;
  /** SHA-256 of its file. */
  sha256: string;
  /** Ordinal of the head that was live when it was made; null for the first. */
  parent: number | null;
  status: "live" | "retired" | "rejected" | "rolled-back";
  hears: "words" | "meaning";
  /** Hash of the adapters' examples alone that it was made from. */
  examples: string;
  /** Hash of the examples beside which it may be live: its own, or those there were when somebody rolled back to it. */
  stands_beside: string;
  /** The corrections that counted when it was made, as `[{id, expert}]`. */
  corrections_json: string;
  /** Texts that it has learnt from them, and those left out because people disagree. */
  texts: number;
  disputed: number;
  /** null: nothing had to be proved, since it has learnt no corrections. */
  gate_json: string | null;
  created_at: string;
  updated_at: string;
}

export interface Schema {
  users: UsersTable;
  sessions: SessionsTable;
  api_keys: ApiKeysTable;
  conversations: ConversationsTable;
  messages: MessagesTable;
  generations: GenerationsTable;
  generation_events: GenerationEventsTable;
  route_decisions: RouteDecisionsTable;
  snapshots: SnapshotsTable;
  votes: VotesTable;
  route_corrections: RouteCorrectionsTable;
  router_heads: RouterHeadsTable;
}
