import fs from "node:fs";
import path from "node:path";
import { writeAtomically } from "../write-atomically.ts";
import { RunJournal } from "./run-page/journal.ts";

/** Written by the trainer where a run was stopped: adapters/trainer/README.md. */
const CHECKPOINT = /^checkpoint-\d+\.pt$/;
/** What the trainer writes last of all. */
const RESULT = "result.json";

/** It is there where the run was trained, and then measured or not. */
export const resultFile = (runFolder: string): string => path.join(runFolder, RESULT);

/** Whether a run was stopped while it trained, or before what it had trained was measured and published. */
export function canGoOn(runFolder: string): boolean {
  const names = fs.existsSync(runFolder) ? fs.readdirSync(runFolder) : [];
  if (names.some((name) => CHECKPOINT.test(name))) return true;
  return names.includes(RESULT) && !RunJournal.hasFinished(runFolder);
}

/** What another run left in the folder is none of this one's results. @param run as JSON */
export function writeRun(runFolder: string, run: string): void {
  const file = path.join(runFolder, "run.json");
  if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== run)
    fs.rmSync(resultFile(runFolder), { force: true });
  writeAtomically(file, run);
}
