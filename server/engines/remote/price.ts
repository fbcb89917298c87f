import type { UpstreamUsage } from "./upstream.ts";

/** For a million tokens, in a currency of your choice. Without `cached`, cached prompt tokens cost as much as others. */
export interface Price {
  prompt: number;
  cached?: number | undefined;
  completion: number;
}

export const costOf = (usage: UpstreamUsage, { prompt, cached = prompt, completion }: Price): number =>
  // Some servers count more in their cache than they were sent.
  (Math.max(0, usage.prompt - usage.cached) * prompt +
    usage.cached * cached +
    usage.completion * completion) /
  1e6;
