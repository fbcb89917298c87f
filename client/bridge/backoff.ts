/** How long to wait before the next try of what has failed `failures` times, in ms: 2 s, twice that, … 2 minutes. */
export const backoffMs = (failures: number): number => Math.min(1_000 * 2 ** failures, 120_000);
