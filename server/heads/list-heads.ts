import { type Database, listRouterHeads, type RouterHeadRow } from "../../db/index.ts";
import type { GateReport } from "../routing/index.ts";
import { type HeadStore, nameOf } from "./head-store.ts";

/** A head as `patchbay router heads --json` prints it. */
export interface HeadSummary {
  name: string;
  version: string;
  sha256: string;
  status: RouterHeadRow["status"];
  /** The head that was live when it was made. */
  parent: string | null;
  hears: "words" | "meaning";
  /** How many corrections counted when it was made, texts that it learnt from them, and those that people disagree on. */
  corrections: number;
  texts: number;
  disputed: number;
  /** null: it has learnt no corrections and had nothing to prove. */
  gate: GateReport | null;
  /** Whether its file is still there to go back to. */
  kept: boolean;
  createdAt: string;
}

/** Oldest first. */
export async function listHeads(db: Database, store: HeadStore): Promise<HeadSummary[]> {
  const rows = await listRouterHeads(db);
  return rows.map((row) => ({
    name: nameOf(row),
    version: row.version,
    sha256: row.sha256,
    status: row.status,
    parent: row.parent === null ? null : nameOf({ ordinal: row.parent }),
    hears: row.hears,
    corrections: row.corrections.length,
    texts: row.texts,
    disputed: row.disputed,
    // Written by this server from its own report, so its shape is trusted.
    gate: row.gate as GateReport | null,
    kept: store.read(row) !== null,
    createdAt: row.created_at,
  }));
}
