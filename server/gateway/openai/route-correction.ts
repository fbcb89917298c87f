import { z } from "zod";
import type { Completions } from "../../chat/index.ts";
import type { RouteCorrections } from "../../feedback/index.ts";
import { AdapterId, Id } from "../../protocol/index.ts";
import { COMPLETION_PREFIX } from "./completion-shapes.ts";
import { badParameter, parseBody } from "./parse-body.ts";

const Body = z.strictObject({
  /** A completion of the API. */
  completion_id: z.string().optional(),
  /** Which of its choices. */
  index: z.int().min(0).default(0),
  /** Or an answer in any conversation of one's own. */
  message_id: Id.optional(),
  /** Who should have answered; `base`: none of the experts; `auto` takes the correction back. */
  expert: AdapterId,
});

/**
 * `POST /v1/route-corrections`: says who should have answered one's own question, the same as "Wrong expert?" on the page.
 * @throws {PatchbayError} `bad-request`, `not-found`, `adapter-unknown`, `conflict` before anybody was chosen
 */
export async function routeCorrection(
  completions: Completions,
  corrections: RouteCorrections,
  userId: string,
  raw: unknown,
) {
  const { expert, ...named } = parseBody(Body, raw);
  const answerId = await answerOf(completions, userId, named);
  if (expert === "auto") {
    await corrections.retract(userId, answerId);
    return { object: "route_correction", message_id: answerId, correction: null };
  }
  const { correction } = await corrections.set(userId, answerId, expert);
  return { object: "route_correction", message_id: answerId, correction };
}

function answerOf(
  completions: Completions,
  userId: string,
  { completion_id: name, message_id, index }: Omit<z.output<typeof Body>, "expert">,
): Promise<string> {
  if ((name === undefined) === (message_id === undefined))
    throw badParameter("completion_id", "Either 'completion_id' or 'message_id' is needed.");
  if (message_id !== undefined) return Promise.resolve(message_id);
  const id = Id.safeParse(name?.startsWith(COMPLETION_PREFIX) ? name.slice(COMPLETION_PREFIX.length) : name);
  if (!id.success)
    throw badParameter(
      "completion_id",
      "Invalid value for 'completion_id': it has to be the id of a completion.",
    );
  return completions.answerOf(userId, id.data, index);
}
