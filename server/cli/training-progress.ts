import { duration, type TrainerEvent } from "../learning/index.ts";
import type { Progress } from "./output.ts";

export function showEvent(progress: Progress, event: TrainerEvent): void {
  const line = lineFor(event);
  if (line) progress.show(...line);
  else progress.end();
}

/** What a trainer's event looks like to somebody who waits, with the share done; null at the end. */
function lineFor(event: TrainerEvent): [text: string, share: number | null] | null {
  switch (event.event) {
    case "loading":
      return ["loading PyTorch and the model", null];
    case "loaded":
      return [`training on ${event.device} with ${event.threads} threads, ${event.dtype}`, null];
    case "evaluated":
      return [`held-out loss of the ${event.which} ${event.loss.toFixed(3)} (${event.rows} rows)`, null];
    case "step": {
      const pace = `${Math.round(event.tokensPerSecond)} tok/s, ${duration(event.etaSeconds)} left`;
      return [
        `step ${event.step} of ${event.steps}, loss ${event.loss.toFixed(3)}, ${pace}`,
        event.step / event.steps,
      ];
    }
    case "resumed":
      return [`going on after step ${event.step}`, null];
    case "parity-reference":
      return [
        `computed what ${event.rows} held-out rows should give, to compare with the served model`,
        null,
      ];
    case "saved":
    case "stopped":
    case "failed":
      return null;
    default:
      return event satisfies never;
  }
}
