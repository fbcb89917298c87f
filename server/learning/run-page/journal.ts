import fs from "node:fs";
import path from "node:path";
import { readJsonLines } from "../../json-lines.ts";
import { PatchbayError } from "../../protocol/index.ts";
import { writeAtomically } from "../../write-atomically.ts";
import { type RunFacts, runPage } from "./page.ts";
import { afterEntry, atTheStart, JournalEntry, type News, type RunProgress } from "./progress.ts";

/** Keeps a run's events in its folder, and a page of them that anybody can open while it runs and afterwards. */
export class RunJournal {
  readonly page: string;
  readonly #facts: RunFacts;
  readonly #file: string;
  readonly #now: () => string;
  #progress: RunProgress;

  /** A run that was stopped goes on in the journal it has. */
  constructor(runFolder: string, facts: RunFacts, now = () => new Date().toISOString()) {
    this.page = path.join(runFolder, "progress.html");
    this.#file = fileIn(runFolder);
    this.#facts = facts;
    this.#now = now;
    this.#progress = { ...readBefore(this.#file).reduce(afterEntry, atTheStart), phase: atTheStart.phase };
    fs.mkdirSync(runFolder, { recursive: true });
    this.#write();
  }

  /** Whether a run was measured and found good, by the journal in its folder. */
  static hasFinished(runFolder: string): boolean {
    return readEntries(fileIn(runFolder))?.some(({ event }) => event === "finished") ?? false;
  }

  get isOver(): boolean {
    return ["finished", "stopped", "failed"].includes(this.#progress.phase.is);
  }

  add(news: News): void {
    const entry = { at: this.#now(), ...news };
    fs.appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
    this.#progress = afterEntry(this.#progress, entry);
    this.#write();
  }

  #write(): void {
    writeAtomically(this.page, runPage(this.#facts, this.#progress));
  }
}

const fileIn = (runFolder: string): string => path.join(runFolder, "events.jsonl");

/** A process that was killed may leave half a line behind: then the curve begins anew, and the training goes on. */
function readBefore(file: string): JournalEntry[] {
  const entries = readEntries(file);
  if (entries === null) fs.rmSync(file);
  return entries ?? [];
}

/** None where there is no file; null where it is damaged. */
function readEntries(file: string): JournalEntry[] | null {
  if (!fs.existsSync(file)) return [];
  try {
    return readJsonLines(file, JournalEntry);
  } catch (error) {
    if (error instanceof PatchbayError) return null;
    throw error;
  }
}
