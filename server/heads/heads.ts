import {
  type Database,
  insertRouterHead,
  inTransaction,
  listRouteCorrections,
  listRouterHeads,
  type NewRouterHead,
  type RouterHeadRow,
  updateRouterHead,
} from "../../db/index.ts";
import {
  type Candidate,
  type Head,
  type Learn,
  type LearnOptions,
  type Lesson,
  type LiveHead,
  serializeHead,
} from "../routing/index.ts";
import { type HeadStore, nameOf } from "./head-store.ts";

export interface HeadsDeps {
  db: Database;
  store: HeadStore;
  learn: Learn;
  newId: () => string;
  /** An ISO time. */
  now: () => string;
  /** Lines for people. */
  log: (line: string) => void;
}

/** The head that decides, and its name: `router@3`. */
export interface Live {
  head: Head;
  name: string;
}

export type HeadSource = Omit<LearnOptions, "corrections" | "live" | "refused">;

/** Stands for a head that has no number. */
const UNSTORED = "router";

type Stored = RouterHeadRow & { file: string; head: Head };

/**
 * The router's heads, one after the other: what was learnt, from which corrections, how it did at the gate, and which one
 * is live. The live one survives a restart; a damaged file is made anew.
 */
export class Heads {
  readonly #deps: HeadsDeps;

  constructor(deps: HeadsDeps) {
    this.#deps = deps;
  }

  /** The live head as it was left, without a look at what could be learnt since; null where there is none to read. */
  async kept(): Promise<Live | null> {
    const live = this.#liveOf(await listRouterHeads(this.#deps.db));
    return live && { head: live.head, name: nameOf(live) };
  }

  /** The name of the live head as the database has it now, which somebody may have changed. */
  async liveName(): Promise<string | null> {
    const row = (await listRouterHeads(this.#deps.db)).find(({ status }) => status === "live");
    return row ? nameOf(row) : null;
  }

  /** Learns what there is to learn. @returns the head that is live afterwards. @throws {PatchbayError} `data-invalid` */
  async learn(source: HeadSource): Promise<Live> {
    const { db, learn } = this.#deps;
    for (;;) {
      const rows = await listRouterHeads(db);
      const corrections = await listRouteCorrections(db);
      const live = this.#liveOf(rows);
      const refused = rows
        .filter(({ status, parent }) => status === "rejected" && parent === (live?.ordinal ?? null))
        .map(({ version }) => version);
      const lesson = await learn({ ...source, corrections, live: live && toLiveHead(live), refused });
      const settled = live
        ? await this.#settle(live, lesson, corrections)
        : await this.#settle(null, lesson, corrections).catch((error) => this.#unstored(lesson, error));
      if (settled) return settled;
    }
  }

  /** Without any other head, one that cannot be kept (a full disk, say) decides all the same, until the next start. */
  #unstored(lesson: Lesson, error: unknown): Live {
    const chosen = lesson.is === "learnt" && chosenOf(lesson);
    if (!chosen) throw error;
    this.#deps.log(`the router's head cannot be kept: ${error instanceof Error ? error.message : error}`);
    return { head: chosen.head, name: UNSTORED };
  }

  /** Null where another head has become live meanwhile: what was learnt was compared with the wrong one. */
  async #settle(
    before: Stored | null,
    lesson: Lesson,
    corrections: readonly { id: string; expert: string }[],
  ): Promise<Live | null> {
    const { db, store, now } = this.#deps;
    const chosen = lesson.is === "learnt" ? chosenOf(lesson) : null;
    const refused = lesson.is === "learnt" && lesson.candidate?.gate.passed === false && lesson.candidate;
    if (lesson.is === "known" || (!chosen && !refused))
      return before && { head: before.head, name: nameOf(before) };
    const refusedFile = refused && store.write(refused.head.version, serializeHead(refused.head));
    const chosenFile = chosen && store.write(chosen.head.version, serializeHead(chosen.head));
    const ordinal = await inTransaction(db, async (trx) => {
      const rows = await listRouterHeads(trx);
      const live = rows.find(({ status }) => status === "live");
      if (before ? live?.ordinal !== before.ordinal : this.#liveOf(rows)) return null;
      const parent = live?.ordinal ?? null;
      if (refused && refusedFile) {
        const row = this.#newRow(lesson, refused, corrections);
        await insertRouterHead(trx, { ...row, ...refusedFile, parent, status: "rejected" }, now());
      }
      if (!chosen || !chosenFile) return before?.ordinal ?? null;
      if (live) await updateRouterHead(trx, live.ordinal, { status: "retired" }, now());
      const again = rows.find((row) => row.version === chosen.head.version && row.status !== "rejected");
      if (again) {
        const change = { ...chosenFile, stands_beside: lesson.examples, status: "live" } as const;
        await updateRouterHead(
          trx,
          again.ordinal,
          { ...change, corrections_json: JSON.stringify(learntBy(chosen, corrections)) },
          now(),
        );
        return again.ordinal;
      }
      const row = this.#newRow(lesson, chosen, corrections);
      return insertRouterHead(trx, { ...row, ...chosenFile, parent, status: "live" }, now());
    });
    if (ordinal === null) return null;
    store.settle(await listRouterHeads(db));
    const live = chosen?.head ?? before?.head;
    if (!live) return null;
    this.#tell(lesson, nameOf({ ordinal }), chosen !== null);
    return { head: live, name: nameOf({ ordinal }) };
  }

  #newRow(
    { examples, disputed }: Extract<Lesson, { is: "learnt" }>,
    { head, texts, gate }: Chosen,
    corrections: readonly { id: string; expert: string }[],
  ): Omit<NewRouterHead, "sha256" | "parent" | "status"> {
    return {
      id: this.#deps.newId(),
      version: head.version,
      hears: head.meaning ? "meaning" : "words",
      examples,
      stands_beside: examples,
      corrections: learntBy({ gate }, corrections),
      texts,
      disputed,
      gate,
    };
  }

  #tell(lesson: Extract<Lesson, { is: "learnt" }>, name: string, changed: boolean): void {
    const { log } = this.#deps;
    const { candidate } = lesson;
    if (candidate && !candidate.gate.passed)
      log(`what was corrected is not learnt yet: ${candidate.gate.reasons.join("; ")}`);
    if (changed)
      log(`${name} is live${candidate?.gate.passed ? `, with ${candidate.texts} corrected texts` : ""}`);
  }

  #liveOf(rows: readonly RouterHeadRow[]): Stored | null {
    const row = rows.find(({ status }) => status === "live");
    if (!row) return null;
    const head = this.#deps.store.read(row);
    if (head) return { ...row, head, file: this.#deps.store.fileOf(row) };
    this.#deps.log(`the file of ${nameOf(row)} is gone or damaged; it is made anew`);
    return null;
  }
}

interface Chosen extends Pick<Candidate, "head" | "texts"> {
  gate: Candidate["gate"] | null;
}

/** What goes live; null where the live one stays. */
function chosenOf({ plain, candidate }: Extract<Lesson, { is: "learnt" }>): Chosen | null {
  if (candidate?.gate.passed) return candidate;
  return plain && { head: plain, texts: 0, gate: null };
}

const toLiveHead = ({ file, hears, stands_beside, corrections }: Stored): LiveHead => ({
  file,
  hears,
  standsBeside: stands_beside,
  corrections,
});

/** The head of the examples alone has learnt none. */
const learntBy = (
  { gate }: Pick<Chosen, "gate">,
  corrections: readonly { id: string; expert: string }[],
): { id: string; expert: string }[] =>
  gate === null ? [] : corrections.map(({ id, expert }) => ({ id, expert }));
