import type { TurnEnding } from "../chat/index.ts";

/** How a turn ended, in one word. */
export function finishOf(ending: TurnEnding): "stop" | "length" | "stopped" | "interrupted" | "error" {
  if (ending.is === "finished") return ending.reason;
  return ending.code === "interrupted" ? "interrupted" : "error";
}
