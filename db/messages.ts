import type { Selectable } from "kysely";
import { type Answer, type Message, PatchbayError, type Question } from "../server/protocol/index.ts";
import type { Database } from "./open.ts";
import type {
  GenerationsTable,
  MessagesTable,
  RouteCorrectionsTable,
  RouteDecisionsTable,
  VotesTable,
} from "./schema.ts";

export async function insertQuestion(db: Database, question: Question): Promise<void> {
  await db
    .insertInto("messages")
    .values({
      id: question.id,
      conversation_id: question.conversationId,
      parent_id: question.parentId,
      role: "user",
      text: question.text,
      client_id: question.clientId,
      created_at: question.createdAt,
    })
    .execute();
}

/** An empty answer and the generation that will fill it. */
export async function insertAnswer(db: Database, answer: Answer, requested: string): Promise<void> {
  await db
    .insertInto("messages")
    .values({
      id: answer.id,
      conversation_id: answer.conversationId,
      parent_id: answer.parentId,
      role: "assistant",
      text: "",
      client_id: null,
      created_at: answer.createdAt,
    })
    .execute();
  await db
    .insertInto("generations")
    .values({
      id: answer.generationId,
      message_id: answer.id,
      status: "streaming",
      requested,
      dropped_turns: 0,
      created_at: answer.createdAt,
    })
    .execute();
}

/** A question sent twice with the same client id is found here instead of being stored again. */
export async function findByClientId(
  db: Database,
  conversationId: string,
  clientId: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom("messages")
    .select("id")
    .where("conversation_id", "=", conversationId)
    .where("client_id", "=", clientId)
    .executeTakeFirst();
  return row?.id;
}

/** The answers of a conversation of this person, oldest first. */
export async function listAnswerIds(db: Database, userId: string, conversationId: string): Promise<string[]> {
  const rows = await db
    .selectFrom("messages")
    .innerJoin("conversations", "conversations.id", "messages.conversation_id")
    .select("messages.id")
    .where("conversations.id", "=", conversationId)
    .where("conversations.user_id", "=", userId)
    .where("messages.role", "=", "assistant")
    .orderBy("messages.id")
    .execute();
  return rows.map(({ id }) => id);
}

/** Every message of the conversation, oldest first, with each answer's generation and decision, this person's votes and corrections. */
export async function listMessages(db: Database, conversationId: string, userId: string): Promise<Message[]> {
  const messages = await db
    .selectFrom("messages")
    .selectAll()
    .where("conversation_id", "=", conversationId)
    .orderBy("id")
    .execute();
  const inConversation = db.selectFrom("messages").select("id").where("conversation_id", "=", conversationId);
  const generations = await db
    .selectFrom("generations")
    .selectAll()
    .where("message_id", "in", inConversation)
    .execute();
  const decisions = await db
    .selectFrom("route_decisions")
    .innerJoin("generations", "generations.id", "route_decisions.generation_id")
    .selectAll("route_decisions")
    .where("generations.message_id", "in", inConversation)
    .execute();
  const votes = await db
    .selectFrom("votes")
    .selectAll()
    .where("user_id", "=", userId)
    .where("message_id", "in", inConversation)
    .execute();
  const corrections = await db
    .selectFrom("route_corrections")
    .selectAll()
    .where("user_id", "=", userId)
    .where("message_id", "in", inConversation)
    .execute();
  const correctionOf = new Map(corrections.map((row) => [row.message_id, row]));
  const generationOf = new Map(generations.map((row) => [row.message_id, row]));
  const decisionOf = new Map(decisions.map((row) => [row.generation_id, row]));
  const voteOf = new Map(votes.map((row) => [row.message_id, row]));
  return messages.map((row) => {
    const generation = generationOf.get(row.id);
    if (!generation) return toQuestion(row, correctionOf.get(row.id));
    return toAnswer(row, generation, decisionOf.get(generation.id), voteOf.get(row.id));
  });
}

/** The conversation that holds a message of this person. @throws {PatchbayError} `not-found` */
export async function ownMessage(
  db: Database,
  userId: string,
  messageId: string,
): Promise<{ conversationId: string }> {
  const row = await db
    .selectFrom("messages")
    .innerJoin("conversations", "conversations.id", "messages.conversation_id")
    .select("conversations.id as conversationId")
    .where("messages.id", "=", messageId)
    .where("conversations.user_id", "=", userId)
    .executeTakeFirst();
  if (!row) throw new PatchbayError("not-found", "There is no such message.");
  return row;
}

const toQuestion = (
  row: Selectable<MessagesTable>,
  correction: Selectable<RouteCorrectionsTable> | undefined,
): Question => ({
  id: row.id,
  conversationId: row.conversation_id,
  parentId: row.parent_id,
  role: "user",
  text: row.text,
  clientId: row.client_id,
  createdAt: row.created_at,
  routeCorrection: correction
    ? {
        expert: correction.expert,
        setAside: correction.set_aside_at !== null,
        updatedAt: correction.updated_at,
      }
    : null,
});

function toAnswer(
  row: Selectable<MessagesTable>,
  generation: Selectable<GenerationsTable>,
  decision: Selectable<RouteDecisionsTable> | undefined,
  vote: Selectable<VotesTable> | undefined,
): Answer {
  return {
    id: row.id,
    conversationId: row.conversation_id,
    parentId: row.parent_id,
    role: "assistant",
    text: row.text,
    createdAt: row.created_at,
    generationId: generation.id,
    status: generation.status,
    expert: parse(generation.expert_json),
    decision: decision ? toDecision(decision) : null,
    ahead: null,
    droppedTurns: generation.dropped_turns,
    timings: parse(generation.timings_json),
    tokens: parse(generation.tokens_json),
    cost: generation.cost,
    error: parse(generation.error_json),
    vote: vote ? toVote(vote) : null,
  };
}

const toDecision = (row: Selectable<RouteDecisionsTable>): Answer["decision"] => ({
  domain: row.domain,
  confidence: row.confidence,
  runnerUp:
    row.runner_up === null ? null : { domain: row.runner_up, confidence: row.runner_up_confidence ?? 0 },
  reason: row.reason,
  evidence: JSON.parse(row.evidence_json),
  head: row.head,
  pinned: row.pinned === 1,
  alternative: row.alternative,
  heard: row.heard,
});

const toVote = (row: Selectable<VotesTable>): Answer["vote"] => ({
  value: row.value,
  reasons: JSON.parse(row.reasons_json),
  comment: row.comment,
  correction: row.correction,
  updatedAt: row.updated_at,
});

/** JSON columns are written by this server from checked values, so their shape is trusted. */
const parse = <T>(json: string | null): T | null => (json === null ? null : JSON.parse(json));
