import {
  insertAnswer,
  insertConversation,
  insertQuestion,
  inTransaction,
  listAnswerIds,
} from "../../db/index.ts";
import type { GenerateRequest } from "../engines/index.ts";
import { grammarSchema } from "../engines/index.ts";
import {
  limits,
  PatchbayError,
  type Question,
  type TraceHeaders,
  type TurnEvent,
} from "../protocol/index.ts";
import type { Router } from "../routing/index.ts";
import type { Turn, Wishes } from "./answer-turn.ts";
import type { ChatDeps } from "./deps.ts";
import { requireExpert } from "./expert-names.ts";
import { newAnswer } from "./new-answer.ts";
import type { RunningTurns } from "./running-turns.ts";
import { titleFrom } from "./titles.ts";

/** Earlier questions that are routed to learn who would be talking: the router hears no more than these. */
const ROUTED_BEFORE = 3;

export interface CompletionRequest {
  /** `auto`, `base`, an adapter's id or one of its versions. */
  model: string;
  /** The whole conversation, oldest first, the question last. */
  turns: Turn[];
  /** Answers to the same question, each with a seed of its own: `wishes.seed` and the numbers after it. */
  count: number;
  wishes: Omit<Wishes, "format">;
  /** Whom the caller asks for, in words of the caller's own: the machine is shared between these too. */
  endUser?: string;
  /** The caller's trace. */
  trace?: TraceHeaders;
  /** A JSON schema, as it came, or any JSON object. */
  format?: { type: "json" } | { type: "json-schema"; schema: unknown };
}

export interface Completion {
  /** For {@link Completions.answerOf}. */
  id: string;
  /** Unix time in seconds. */
  created: number;
  choices: readonly { generationId: string; seed: number }[];
  /** Tells all that has happened and happens to each answer, up to its `finish` or `error`. */
  follow(listener: (index: number, event: TurnEvent) => void): Promise<void>;
  /** Ends what is still being written. */
  cancel(): void;
}

/**
 * Answers for callers who keep the conversation themselves and send all of it each time. Each is logged like a turn, in a
 * conversation that nobody's list shows, so that it can be voted on like any other.
 */
export class Completions {
  readonly #deps: ChatDeps;
  readonly #running: RunningTurns;

  constructor(deps: ChatDeps, running: RunningTurns) {
    this.#deps = deps;
    this.#running = running;
  }

  /**
   * @throws {PatchbayError} `adapter-unknown` (the nearest name in its hint), `schema-unsupported`, `too-many-turns`, and
   * what reading a version can throw. What happens later comes as an `error` event.
   */
  async start(userId: string, request: CompletionRequest): Promise<Completion> {
    const startedAt = performance.now();
    const { log, experts, newSeed } = this.#deps;
    const { model, turns, count, wishes, endUser, trace } = request;
    await requireExpert(experts().registry, model);
    const format = request.format && formatOf(request.format);
    this.#running.admit(userId, count, limits.runningCompletionsPerCaller);
    const previous = model === "auto" ? await previousExpert(experts().router, turns) : null;
    const { id, createdAt, generationIds } = await this.#store(userId, request);
    const choices = generationIds.map((generationId, index) => ({
      generationId,
      seed: wishes.seed === undefined ? newSeed() : (wishes.seed + index) % 2 ** 31,
    }));
    for (const { generationId, seed } of choices)
      this.#running.start({
        userId,
        conversationId: id,
        sharedAs: endUser === undefined ? userId : `${userId} ${endUser}`,
        generationId,
        turns,
        previous,
        requested: model,
        wishes: { ...wishes, seed, ...(format && { format }) },
        startedAt,
        ...(trace && { trace }),
      });
    return {
      id,
      created: Math.floor(Date.parse(createdAt) / 1000),
      choices,
      follow: async (listener) => {
        for (const [index, { generationId }] of choices.entries())
          await log.subscribe(generationId, 0, ({ event }) => listener(index, event));
      },
      cancel: () => {
        for (const { generationId } of choices) this.#running.stop(generationId);
      },
    };
  }

  /** The message that holds one answer of a completion of this person. @throws {PatchbayError} `not-found` */
  async answerOf(userId: string, completionId: string, index: number): Promise<string> {
    const answers = await listAnswerIds(this.#deps.db, userId, completionId);
    const answer = answers[index];
    if (answer !== undefined) return answer;
    throw new PatchbayError(
      "not-found",
      answers.length === 0
        ? "There is no such completion."
        : `This completion has no choice ${index}: it has ${answers.length}.`,
    );
  }

  /** Question and empty answers, whose logs are open before anybody can see them. */
  async #store(userId: string, { model, turns, count }: CompletionRequest) {
    const { db, log, newId, now } = this.#deps;
    const [id, createdAt, text] = [newId(), now(), turns.at(-1)?.text ?? ""];
    const question: Question = {
      id: newId(),
      conversationId: id,
      parentId: null,
      role: "user",
      text,
      clientId: null,
      createdAt,
      routeCorrection: null,
    };
    const answers = Array.from({ length: count }, () => newAnswer(this.#deps, question));
    const generationIds = answers.map(({ generationId }) => generationId);
    for (const generationId of generationIds) log.begin(generationId);
    try {
      await inTransaction(db, async (trx) => {
        await insertConversation(trx, userId, { id, title: titleFrom(text), pinned: null }, createdAt, "api");
        await insertQuestion(trx, question);
        for (const answer of answers) await insertAnswer(trx, answer, model);
      });
    } catch (error) {
      for (const generationId of generationIds) log.discard(generationId);
      throw error;
    }
    return { id, createdAt, generationIds };
  }
}

const formatOf = (
  format: NonNullable<CompletionRequest["format"]>,
): NonNullable<GenerateRequest["format"]> =>
  format.type === "json" ? format : { type: "json-schema", schema: grammarSchema(format.schema) };

/** Who would have given the answer before: the caller sends what was said, not who said it. */
async function previousExpert(router: Router, turns: Turn[]): Promise<string | null> {
  const asked = turns.flatMap(({ role }, index) => (role === "user" ? [index] : []));
  let previous: string | null = null;
  for (const index of asked.slice(0, -1).slice(-ROUTED_BEFORE))
    previous = (await router.route({ turns: turns.slice(0, index + 1), previous })).domain;
  return previous;
}
