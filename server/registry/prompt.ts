import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { PatchbayError } from "../protocol/index.ts";

export interface Prompt {
  text: string;
  /** Its version: SHA-256 of the text as the model sees it. */
  sha256: string;
}

/** @throws {PatchbayError} `adapter-invalid` */
export function readPrompt(promptsDir: string, fileName: string): Prompt {
  const file = path.join(promptsDir, fileName);
  if (!fs.existsSync(file))
    throw new PatchbayError("adapter-invalid", `The prompt prompts/${fileName} does not exist.`);
  const text = fs.readFileSync(file, "utf8").trim();
  if (text === "") throw new PatchbayError("adapter-invalid", `The prompt prompts/${fileName} is empty.`);
  return { text, sha256: createHash("sha256").update(text).digest("hex") };
}
