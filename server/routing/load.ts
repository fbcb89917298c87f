import fs from "node:fs";
import path from "node:path";
import { PatchbayError } from "../protocol/index.ts";
import { type ExampleFolders, readExamples } from "./examples.ts";
import { type Head, parseHead, serializeHead } from "./head.ts";
import { createRouter, type Router } from "./router.ts";
import { headVersion, trainHead } from "./train.ts";

export interface LoadOptions extends ExampleFolders {
  /** Trained heads are kept below it, one file a version. */
  cacheDir: string;
  adapterIds: readonly string[];
}

/** Where a head comes from: {@link loadHead}, or the same beside other work. */
export type LoadHead = (options: LoadOptions) => Head | Promise<Head>;

/** The router for the adapters that are plugged in. @throws {PatchbayError} `data-invalid` for a malformed example */
export const loadRouter = async (options: LoadOptions, load: LoadHead = loadHead): Promise<Router> =>
  createRouter(await load(options));

/**
 * The head for these adapters: read from the cache where the same examples were learnt before, else trained (seconds)
 * and kept. A cache that cannot be written costs the next start that time and nothing else.
 * @throws {PatchbayError} `data-invalid` for a malformed example
 */
export function loadHead({ cacheDir, adapterIds, ...folders }: LoadOptions): Head {
  const examples = readExamples(folders, adapterIds);
  const file = path.join(cacheDir, "router", `${headVersion(examples)}.json`);
  const cached = readCached(file);
  if (cached) return cached;
  const head = trainHead(examples);
  keep(file, serializeHead(head));
  return head;
}

/** Null where there is none, or a damaged one, which is then made anew. */
function readCached(file: string): Head | null {
  if (!fs.existsSync(file)) return null;
  try {
    return parseHead(fs.readFileSync(file, "utf8"), file);
  } catch (error) {
    if (error instanceof PatchbayError) return null;
    throw error;
  }
}

function keep(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(temporary, text);
    fs.renameSync(temporary, file);
  } catch {
    // A full disk leaves half a file behind; where the folder itself cannot be made there is nothing to clear.
    if (fs.existsSync(temporary)) fs.rmSync(temporary);
  }
}
