import { PatchbayError } from "../../protocol/index.ts";

const MIB = 1024 ** 2;
/** Adapters of one model slow each other's making down, the more of them are loaded. */
const MOST_CONTEXTS = 32;
/** More of them make a context slow to make: 100 ms for 4 of 2,048 tokens, 200 to 390 for 8, while streams stand still. */
const DEFAULT_SEQUENCES = [4, 2] as const;
/** So many adapters at once should fit before each of them gets more sequences. */
const WANTED_CONTEXTS = 5;

export interface MemoryPlan {
  sequences: number;
  maxContexts: number;
  budgetBytes: number;
  /** What one context is expected to take. */
  contextBytes: number;
}

/**
 * How many adapters can be ready at once, and how many conversations each can hold.
 * @param spareBytes what may be taken where nobody set a budget
 * @param contextBytes what a context with so many sequences takes
 * @throws {PatchbayError} `bad-request` where a budget set by hand does not hold a single context
 */
export function planMemory(
  wanted: { sequences: number | null; memoryMiB: number | null },
  spareBytes: number,
  contextBytes: (sequences: number) => number,
): MemoryPlan {
  const budgetBytes = wanted.memoryMiB === null ? spareBytes : wanted.memoryMiB * MIB;
  const roomy = DEFAULT_SEQUENCES.find((count) => contextBytes(count) * WANTED_CONTEXTS <= budgetBytes);
  const sequences = wanted.sequences ?? roomy ?? 2;
  const bytes = contextBytes(sequences);
  if (wanted.memoryMiB !== null && bytes > budgetBytes)
    throw new PatchbayError(
      "bad-request",
      `PATCHBAY_MEMORY=${wanted.memoryMiB} does not hold one context, which takes ${Math.ceil(bytes / MIB)} MiB.`,
      { hint: "Allow more memory, or lower PATCHBAY_SEQUENCES or PATCHBAY_CONTEXT." },
    );
  const maxContexts = Math.max(1, Math.min(MOST_CONTEXTS, Math.floor(budgetBytes / bytes)));
  return { sequences, maxContexts, budgetBytes, contextBytes: bytes };
}
