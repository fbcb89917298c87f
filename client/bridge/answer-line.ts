import { type Answer, BASE } from "../sdk/index.ts";

const price = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

/** Who answered, how sure the router was, and whether without an adapter, elsewhere or at a cost, for people. */
export function expertLine({ expert, decision, cost }: Answer): string {
  if (!expert) return "";
  const { id, title, version, remote } = expert;
  return [
    id === BASE ? "Base model" : title,
    decision && (decision.pinned ? "pinned" : `${Math.round(decision.confidence * 100)}% sure`),
    id !== BASE && version === null && "prompt alone",
    remote && `${remote.model} on ${remote.engine}`,
    cost !== null && `cost ${price.format(cost)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** What somebody has to know about how an answer ended, or null. */
export function endingOf({ status, error, droppedTurns }: Answer): string | null {
  if (error) return error.message;
  if (status === "stopped") return "Stopped.";
  if (status === "cut-off") return "The answer reached its length limit.";
  if (droppedTurns > 0) return `The oldest ${droppedTurns} turns no longer fitted and were left out.`;
  return null;
}
