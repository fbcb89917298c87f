import type { Decision } from "../../../sdk/index.ts";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { percent } from "../controls/format.ts";

const SHOWN_WORDS = 6;

export function ChipReason({ decision }: { decision: Decision }) {
  const experts = useKnownExperts();
  const { pinned, confidence, runnerUp, evidence, reason } = decision;
  if (pinned) return <p className="chip-reason">You chose this expert yourself.</p>;

  const words = evidence.slice(0, SHOWN_WORDS);
  return (
    <div className="chip-reason">
      <p>
        <strong className="tabular">{percent(confidence)}</strong> sure
        {runnerUp && (
          <span className="muted">
            , ahead of {experts.find(runnerUp.domain).title} with{" "}
            <span className="tabular">{percent(runnerUp.confidence)}</span>
          </span>
        )}
      </p>
      {words.length > 0 ? (
        <ul className="chip-words" aria-label="Words that spoke for it">
          {words.map(({ feature }) => (
            <li key={feature}>{feature}</li>
          ))}
        </ul>
      ) : (
        reason && <p className="muted">{reason}</p>
      )}
    </div>
  );
}
