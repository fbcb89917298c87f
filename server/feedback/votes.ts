import {
  type Database,
  deleteVote,
  ensureSnapshot,
  findVoteValue,
  generationForSnapshot,
  inTransaction,
  ownMessage,
  upsertVote,
} from "../../db/index.ts";
import { type ConversationChange, PatchbayError, type Vote } from "../protocol/index.ts";
import { buildSnapshot, hashOf } from "./snapshot.ts";

export interface VotesDeps {
  db: Database;
  newId: () => string;
  now: () => string;
  publish: (userId: string, change: ConversationChange) => void;
  /** Somebody has judged an answer of this expert, or has come to judge it otherwise. */
  onVote: (expertId: string, value: Vote["value"]) => void;
}

/** Thumbs on answers. One for each person and answer; the server takes the snapshot, clients only judge. */
export class Votes {
  readonly #deps: VotesDeps;

  constructor(deps: VotesDeps) {
    this.#deps = deps;
  }

  /** @throws {PatchbayError} `not-found`, `conflict` while the answer is being written or where it has no text */
  async set(userId: string, messageId: string, input: Omit<Vote, "updatedAt">): Promise<Vote> {
    const { db, newId, now, publish, onVote } = this.#deps;
    const { conversationId } = await ownMessage(db, userId, messageId);
    const generation = await generationForSnapshot(db, messageId);
    if (!generation) throw new PatchbayError("conflict", "Only an answer can be rated.");
    if (generation.status === "streaming")
      throw new PatchbayError("conflict", "This answer is still being written.");
    const snapshot = buildSnapshot(generation);
    if (!snapshot) throw new PatchbayError("conflict", "This answer has no text to rate.");
    const payloadJson = JSON.stringify(snapshot);
    const vote: Vote = { ...input, updatedAt: now() };
    const before = await inTransaction(db, async (trx) => {
      const snapshotId = await ensureSnapshot(trx, {
        id: newId(),
        generationId: generation.id,
        sha256: hashOf(payloadJson),
        payloadJson,
        now: vote.updatedAt,
      });
      const value = await findVoteValue(trx, messageId, userId);
      await upsertVote(trx, { id: newId(), messageId, userId, snapshotId }, vote);
      return value;
    });
    if (before !== vote.value) onVote(snapshot.expert.id, vote.value);
    publish(userId, { type: "vote", conversationId, messageId, vote });
    return vote;
  }

  async retract(userId: string, messageId: string): Promise<void> {
    const { conversationId } = await ownMessage(this.#deps.db, userId, messageId);
    await deleteVote(this.#deps.db, messageId, userId);
    this.#deps.publish(userId, { type: "vote", conversationId, messageId, vote: null });
  }
}
