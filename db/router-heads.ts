import type { Insertable, Selectable } from "kysely";
import type { Database } from "./open.ts";
import type { RouterHeadsTable } from "./schema.ts";

export interface RouterHeadRow extends Omit<Selectable<RouterHeadsTable>, "corrections_json" | "gate_json"> {
  corrections: { id: string; expert: string }[];
  /** As it was given. */
  gate: unknown;
}

/** Oldest first. */
export async function listRouterHeads(db: Database): Promise<RouterHeadRow[]> {
  const rows = await db.selectFrom("router_heads").selectAll().orderBy("ordinal").execute();
  return rows.map(({ corrections_json, gate_json, ...row }) => ({
    ...row,
    corrections: JSON.parse(corrections_json),
    gate: gate_json === null ? null : JSON.parse(gate_json),
  }));
}

export type NewRouterHead = Omit<
  Insertable<RouterHeadsTable>,
  "ordinal" | "corrections_json" | "gate_json" | "created_at" | "updated_at"
> & { corrections: readonly { id: string; expert: string }[]; gate: unknown };

/** @returns its ordinal */
export async function insertRouterHead(
  db: Database,
  { corrections, gate, ...head }: NewRouterHead,
  now: string,
): Promise<number> {
  const { last } = await db
    .selectFrom("router_heads")
    .select(({ fn }) => fn.max("ordinal").as("last"))
    .executeTakeFirstOrThrow();
  const ordinal = Number(last ?? 0) + 1;
  await db
    .insertInto("router_heads")
    .values({
      ...head,
      ordinal,
      corrections_json: JSON.stringify(corrections.map(({ id, expert }) => ({ id, expert }))),
      gate_json: gate === null ? null : JSON.stringify(gate),
      created_at: now,
      updated_at: now,
    })
    .execute();
  return ordinal;
}

export async function updateRouterHead(
  db: Database,
  ordinal: number,
  change: Partial<Pick<RouterHeadsTable, "status" | "sha256" | "stands_beside" | "corrections_json">>,
  now: string,
): Promise<void> {
  await db
    .updateTable("router_heads")
    .set({ ...change, updated_at: now })
    .where("ordinal", "=", ordinal)
    .execute();
}
