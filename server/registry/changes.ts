import { isDeepStrictEqual } from "node:util";
import type { Adapter } from "./read-adapter.ts";
import { type Registry, type Rejected, reasonOf } from "./registry.ts";

/** What is different between two looks at the folders. */
export interface AdapterChanges {
  added: Adapter[];
  /** The same id with another version, prompt or settings. */
  swapped: { before: Adapter; after: Adapter }[];
  removed: Adapter[];
  /** Folders that are left out now, and were not before or for another reason. */
  rejected: Rejected[];
}

type Look = Pick<Registry, "adapters" | "rejected">;

export function changesBetween(before: Look, after: Look): AdapterChanges {
  const reasons = new Set(before.rejected.map(reasonOf));
  const now = [...after.adapters.values()];
  return {
    added: now.filter(({ summary }) => !before.adapters.has(summary.id)),
    swapped: now.flatMap((adapter) => {
      const old = before.adapters.get(adapter.summary.id);
      return old && !isDeepStrictEqual(old, adapter) ? [{ before: old, after: adapter }] : [];
    }),
    removed: [...before.adapters.values()].filter(({ summary }) => !after.adapters.has(summary.id)),
    rejected: after.rejected.filter((rejected) => !reasons.has(reasonOf(rejected))),
  };
}

/** The changes for people, a line each. */
export const changesInWords = ({ added, swapped, removed, rejected }: AdapterChanges): string[] => [
  ...removed.map(({ file }) => `${file.version} is unplugged`),
  ...swapped.map(({ before, after }) =>
    before.file.version === after.file.version
      ? `${after.file.version} has changed`
      : `${after.file.version} takes the place of ${before.file.version}`,
  ),
  ...added.map(({ file }) => `${file.version} is plugged in`),
  ...rejected.map(rejectedInWords),
];

export const rejectedInWords = ({ id, error }: Rejected): string =>
  `adapter ${id} is left out: ${error.message} ${error.hint ?? ""}`.trim();
