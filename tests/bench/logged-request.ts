import type { Database } from "../../db/index.ts";
import type { GenerateRequest } from "../../server/engines/index.ts";
import type { Context } from "./context.ts";

/** What the server gave its engine for this answer. */
export async function requestOf(
  { adapters }: Context,
  db: Database,
  generationId: string,
  user: string,
): Promise<GenerateRequest> {
  const row = await db
    .selectFrom("generations")
    .select(["expert_json", "prompt_json", "sampling_json", "seed"])
    .where("id", "=", generationId)
    .executeTakeFirstOrThrow();
  const { sha256 } = JSON.parse(row.expert_json ?? "{}");
  return {
    messages: JSON.parse(row.prompt_json ?? "[]"),
    adapter: adapters.find(({ file }) => file.sha256 === sha256)?.file ?? null,
    sampling: JSON.parse(row.sampling_json ?? "{}"),
    seed: row.seed ?? 0,
    user,
  };
}
