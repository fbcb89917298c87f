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
  ...removed.map((adapter) => `${nameOf(adapter)} is unplugged`),
  ...swapped.map(({ before, after }) => {
    if (before.summary.version === after.summary.version) return `${nameOf(after)} has changed`;
    return before.version && after.version
      ? `${nameOf(after)} takes the place of ${nameOf(before)}`
      : pluggedInWords(after);
  }),
  ...added.map(pluggedInWords),
  ...rejected.map(rejectedInWords),
];

const nameOf = ({ summary }: Adapter): string => summary.version ?? summary.id;

export const pluggedInWords = ({ summary: { id, version, train } }: Adapter): string =>
  version === null
    ? `${id} answers under its prompt alone, since it has no version for this model; train one with: ${train}`
    : `${version} is plugged in`;

export const rejectedInWords = ({ id, error }: Rejected): string =>
  `adapter ${id} is left out: ${error.message} ${error.hint ?? ""}`.trim();
