import {
  type Database,
  deleteRouteCorrection,
  generationForSnapshot,
  ownQuestionOf,
  upsertRouteCorrection,
} from "../../db/index.ts";
import { BASE, type ConversationChange, PatchbayError, type RouteCorrection } from "../protocol/index.ts";
import { buildTurn } from "./routed-turn.ts";

export interface RouteCorrectionsDeps {
  db: Database;
  /** Whether an adapter of that id is plugged in. */
  isPlugged: (id: string) => boolean;
  newId: () => string;
  now: () => string;
  publish: (userId: string, change: ConversationChange) => void;
}

/**
 * Who should have answered, in people's words. One for each person and question; the server keeps the turn as the router
 * heard it, so that it can be learnt whatever becomes of the conversation's other branches.
 */
export class RouteCorrections {
  readonly #deps: RouteCorrectionsDeps;

  constructor(deps: RouteCorrectionsDeps) {
    this.#deps = deps;
  }

  /**
   * @param answerId an answer to the question that went to the wrong expert
   * @throws {PatchbayError} `not-found`, `adapter-unknown`, `conflict` where nobody has been chosen yet
   */
  async set(
    userId: string,
    answerId: string,
    expert: string,
  ): Promise<{ questionId: string; correction: RouteCorrection }> {
    const { db, isPlugged, newId, now, publish } = this.#deps;
    const { conversationId, questionId, previous } = await ownQuestionOf(db, userId, answerId);
    if (expert !== BASE && !isPlugged(expert))
      throw new PatchbayError("adapter-unknown", `There is no expert "${expert}".`, {
        hint: `An expert that is plugged in, or "${BASE}" for none of them.`,
      });
    const generation = await generationForSnapshot(db, answerId);
    const routed = generation && buildTurn(generation, previous);
    if (!routed) throw new PatchbayError("conflict", "Nobody has been chosen for this answer yet.");
    const correction: RouteCorrection = { expert, setAside: false, updatedAt: now() };
    await upsertRouteCorrection(db, { id: newId(), questionId, userId, ...routed }, correction);
    publish(userId, { type: "route", conversationId, messageId: questionId, correction });
    return { questionId, correction };
  }

  /** @throws {PatchbayError} `not-found` */
  async retract(userId: string, answerId: string): Promise<{ questionId: string }> {
    const { db, publish } = this.#deps;
    const { conversationId, questionId } = await ownQuestionOf(db, userId, answerId);
    await deleteRouteCorrection(db, questionId, userId);
    publish(userId, { type: "route", conversationId, messageId: questionId, correction: null });
    return { questionId };
  }
}
