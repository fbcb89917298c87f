import type { Decision } from "../../../sdk/index.ts";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { percent } from "../controls/format.ts";

const SHOWN_WORDS = 6;

/** Why the router chose as it did: how sure it was, who came next, the words that spoke for it, and what else there was. */
export function ChipReason({ decision }: { decision: Decision }) {
  const experts = useKnownExperts();
  const { pinned, confidence, runnerUp, evidence, heard } = decision;
  if (pinned) return <p className="chip-reason">You chose this expert yourself.</p>;

  const words = evidence.slice(0, SHOWN_WORDS).map(({ feature }) => feature);
  const circumstance = circumstanceOf(decision);
  return (
    <div className="chip-reason">
      <p>
        <strong className="tabular">{percent(confidence)}</strong> sure
        {runnerUp && (
          <span className="muted">
            , next {experts.find(runnerUp.domain).title} with{" "}
            <span className="tabular">{percent(runnerUp.confidence)}</span>
          </span>
        )}
      </p>
      {words.length > 0 && (
        <ul className="chip-words" aria-label="Words that spoke for it">
          {words.map((word) => (
            <li key={word}>{word}</li>
          ))}
        </ul>
      )}
      {circumstance && <p className="chip-circumstance muted">{circumstance}</p>}
      {heard === "words" && (
        <p className="chip-circumstance muted" data-testid="by-words">
          Decided by the words alone, without what they mean.
        </p>
      )}
    </div>
  );
}

/** What the router says besides the words, as a sentence; null where its reason is the words. */
function circumstanceOf({ reason, evidence }: Decision): string | null {
  const words = new Set(evidence.map(({ feature }) => feature));
  if (reason === "" || reason.split(", ").every((part) => words.has(part))) return null;
  return `${reason[0]?.toUpperCase()}${reason.slice(1)}.`;
}
