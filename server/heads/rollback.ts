import {
  countOnly,
  type Database,
  inTransaction,
  listRouterHeads,
  updateRouterHead,
} from "../../db/index.ts";
import { PatchbayError } from "../protocol/index.ts";
import { type HeadStore, nameOf } from "./head-store.ts";

/**
 * Makes an earlier head (or, after going back, a later one) live, with the world as that head knew it: corrections that it
 * has not learnt are set aside, so that no later head brings them back by itself; each counts again once it is given
 * again, or when somebody goes to a head that has learnt it. Examples that are there now are known, and are no reason for
 * a new head until they change.
 * @param ordinal null: the head that was live before this one
 * @throws {PatchbayError} `not-found`, `conflict`, `data-invalid`
 */
export async function rollBack(
  db: Database,
  store: HeadStore,
  { ordinal, now }: { ordinal: number | null; now: string },
): Promise<{ from: string; to: string; setAside: number }> {
  const result = await inTransaction(db, async (trx) => {
    const rows = await listRouterHeads(trx);
    const live = rows.find(({ status }) => status === "live");
    if (!live)
      throw new PatchbayError("not-found", "The router has no live head yet: start the server first.");
    const wanted = ordinal ?? live.parent;
    const target = rows.find((row) => row.ordinal === wanted);
    if (!target)
      throw new PatchbayError(
        "not-found",
        wanted === null
          ? `${nameOf(live)} is the first head: there is none before it.`
          : `There is no head ${nameOf({ ordinal: wanted })}.`,
        { hint: "See them with: npx patchbay router heads" },
      );
    if (target === live) throw new PatchbayError("conflict", `${nameOf(live)} is live already.`);
    if (target.status === "rejected")
      throw new PatchbayError("conflict", `${nameOf(target)} did not pass the gate and was never live.`);
    if (!store.read(target))
      throw new PatchbayError("data-invalid", `The file of ${nameOf(target)} is gone or damaged.`);
    const left = target.ordinal < live.ordinal ? "rolled-back" : "retired";
    await updateRouterHead(trx, live.ordinal, { status: left }, now);
    const change = { status: "live", stands_beside: live.stands_beside } as const;
    await updateRouterHead(trx, target.ordinal, change, now);
    const setAside = await countOnly(trx, target.corrections, now);
    return { from: nameOf(live), to: nameOf(target), setAside };
  });
  store.settle(await listRouterHeads(db));
  return result;
}
