import type { Answer } from "../../../sdk/index.ts";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { percent } from "../controls/format.ts";
import { useAskExpert } from "../transcript/use-ask-expert.ts";
import { expertStyle } from "./expert-style.ts";
import { Jack } from "./Jack.tsx";

/** Where the router could nearly as well have chosen somebody else, that one is a click away. */
export function CloseCall({ answer }: { answer: Answer }) {
  const experts = useKnownExperts();
  const ask = useAskExpert();
  const { decision, expert } = answer;
  const id = decision?.alternative;
  if (!decision || !expert || !id || !experts.has(id)) return null;
  const other = experts.find(id);
  const { runnerUp } = decision;
  const sure = runnerUp?.domain === id ? ` (${percent(runnerUp.confidence)})` : "";
  return (
    <p className="close-call expert" style={expertStyle(other)} data-testid="close-call">
      <span>
        {expert.id === "base"
          ? `${other.title}${sure} was close, but not sure enough.`
          : `A close call: ${experts.find(expert.id, expert.title).title} (${percent(decision.confidence)}) or ${other.title}${sure}.`}
      </span>
      <button
        type="button"
        className="close-call-ask"
        onClick={() => ask(answer, id)}
        data-testid="close-call-ask"
      >
        <Jack size={16} />
        Ask {other.title}
      </button>
    </p>
  );
}
