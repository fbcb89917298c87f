import { type Answer, BASE } from "../sdk/index.ts";

/** Who answered and how sure the router was, for people. */
export function expertLine({ expert, decision }: Answer): string {
  if (!expert) return "";
  const name = expert.id === BASE ? "Base model" : expert.title;
  if (!decision) return name;
  return `${name} · ${decision.pinned ? "pinned" : `${Math.round(decision.confidence * 100)}% sure`}`;
}

/** What somebody has to know about how an answer ended, or null. */
export function endingOf({ status, error, droppedTurns }: Answer): string | null {
  if (error) return error.message;
  if (status === "stopped") return "Stopped.";
  if (status === "cut-off") return "The answer reached its length limit.";
  if (droppedTurns > 0) return `The oldest ${droppedTurns} turns no longer fitted and were left out.`;
  return null;
}
