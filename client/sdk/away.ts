import { PatchbayError } from "../../server/protocol/index.ts";

/** Whether the server was away, as when it starts anew, so that the same call may succeed in a moment. */
export const isAway = (error: unknown): boolean =>
  error instanceof PatchbayError && (error.code === "server-unreachable" || error.code === "starting");
