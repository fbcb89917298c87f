import type { Decision } from "../../../sdk/index.ts";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { percent } from "../controls/format.ts";

const SHOWN_WORDS = 6;

/** Why the router chose as it did: how sure it was, who came next, the words that spoke for it, and what else there was. */
export function ChipReason({ decision }: { decision: Decision }) {
  const experts = useKnownExperts();
  const { pinned, evidence, heard } = decision;
  if (pinned) return <p className="chip-reason">You chose this expert yourself.</p>;

  const words = evidence.slice(0, SHOWN_WORDS).map(({ feature }) => feature);
  const circumstance = circumstanceOf(decision);
  return (
    <div className="chip-reason">
      <Sureness decision={decision} titleOf={(id) => experts.find(id).title} />
      {words.length > 0 && (
        <div className="chip-words">
          <span className="muted" aria-hidden>
            because of
          </span>
          <ul aria-label="Words that spoke for it">
            {words.map((word) => (
              <li key={word}>{word}</li>
            ))}
          </ul>
        </div>
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

function Sureness({ decision, titleOf }: { decision: Decision; titleOf(id: string): string }) {
  const { confidence, runnerUp } = decision;
  const sure = <strong className="tabular">{percent(confidence)}</strong>;
  if (!runnerUp) return <p>{sure} sure</p>;
  const next = <span className="tabular">{percent(runnerUp.confidence)}</span>;
  if (isUnsure(decision))
    return (
      <p>
        {sure} sure that it is for nobody
        <span className="muted">
          ; {titleOf(runnerUp.domain)} had {next}, not enough to answer
        </span>
      </p>
    );
  return (
    <p>
      {sure} sure
      <span className="muted">
        , next {titleOf(runnerUp.domain)} with {next}
      </span>
    </p>
  );
}

/** The base model answers, although somebody else was likelier. */
const isUnsure = ({ domain, confidence, runnerUp }: Decision): boolean =>
  domain === "base" && runnerUp !== null && runnerUp.confidence > confidence;

/** What the router says besides the words, as a sentence; null where its reason is the words, or the figures say it. */
function circumstanceOf(decision: Decision): string | null {
  const { domain, reason, evidence, runnerUp, alternative } = decision;
  const words = new Set(evidence.map(({ feature }) => feature));
  if (reason === "" || reason.split(", ").every((part) => words.has(part))) return null;
  const inFigures = reason.startsWith(`between ${domain}`) || isUnsure(decision);
  if (inFigures && alternative === runnerUp?.domain) return null;
  return `${reason[0]?.toUpperCase()}${reason.slice(1)}.`;
}
