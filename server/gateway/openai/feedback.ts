import { z } from "zod";
import type { Completions } from "../../chat/index.ts";
import type { Votes } from "../../feedback/index.ts";
import { Id, VoteInput } from "../../protocol/index.ts";
import { COMPLETION_PREFIX } from "./completion-shapes.ts";
import { badParameter, parseBody } from "./parse-body.ts";

const Body = z.strictObject({
  completion_id: z.string(),
  /** Which of its choices. */
  index: z.int().min(0).default(0),
  ...VoteInput.shape,
  /** 0 takes the vote back. */
  value: z.union([z.literal(1), z.literal(-1), z.literal(0)], "has to be 1, -1, or 0 to take a vote back"),
});

/**
 * `POST /v1/feedback`: a vote on a completion of one's own, the same as a thumb on the page.
 * @throws {PatchbayError} `bad-request`, `not-found`, `conflict` while the answer is being written
 */
export async function feedback(completions: Completions, votes: Votes, userId: string, raw: unknown) {
  const { completion_id: name, index, value, ...rest } = parseBody(Body, raw);
  const id = Id.safeParse(name.startsWith(COMPLETION_PREFIX) ? name.slice(COMPLETION_PREFIX.length) : name);
  if (!id.success)
    throw badParameter(
      "completion_id",
      `Invalid value for 'completion_id': it has to be the id of a completion.`,
    );
  const messageId = await completions.answerOf(userId, id.data, index);
  const answered = { object: "feedback", completion_id: name, index };
  if (value === 0) {
    await votes.retract(userId, messageId);
    return { ...answered, vote: null };
  }
  return { ...answered, vote: await votes.set(userId, messageId, { ...rest, value }) };
}
