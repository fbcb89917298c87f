import { useId } from "react";
import { type Answer, type Decision, isPromptAlone } from "../../../sdk/index.ts";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import { percent } from "../controls/format.ts";
import { Cable } from "./Cable.tsx";
import { ChipDetails } from "./ChipDetails.tsx";
import { expertStyle } from "./expert-style.ts";
import { useAnchoredPopover } from "./use-anchored-popover.ts";
import "./chip.css";

/** Who speaks and how sure the router was; opens the details. */
export function RouteChip({ answer }: { answer: Answer }) {
  const experts = useKnownExperts();
  const { anchor, panel, open, close, onBeforeToggle } = useAnchoredPopover();
  const id = useId();
  if (!answer.expert)
    return (
      <span className="chip" data-testid="chip">
        <span className="chip-label muted">
          {answer.status === "streaming" ? "Choosing…" : "Nobody chosen"}
        </span>
        <Cable plugged={false} />
      </span>
    );

  const expert = experts.find(answer.expert.id, answer.expert.title);
  const sure = answer.decision && sureness(answer.decision);
  const alone = isPromptAlone(answer.expert);
  return (
    <>
      <button
        ref={anchor}
        type="button"
        className="chip"
        popoverTarget={id}
        aria-haspopup="dialog"
        aria-label={`${expert.title}${sure ? `, ${sure}` : ""}${alone ? ", prompt alone" : ""}: details and other experts`}
        data-testid="chip"
      >
        <span className="chip-label">
          <span className="chip-title">{expert.title}</span>
          {sure && <span className="chip-dot"> · </span>}
          {sure && <span className="chip-sure tabular">{sure}</span>}
          {alone && <span className="chip-dot"> · </span>}
          {alone && <span className="chip-alone">prompt alone</span>}
        </span>
        <Cable plugged />
      </button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        role="dialog"
        aria-label={`Why ${expert.title} answered`}
        className="chip-details expert"
        style={expertStyle(expert)}
        onBeforeToggle={onBeforeToggle}
        data-testid="chip-details"
      >
        {open && <ChipDetails answer={answer} expert={expert} onDone={close} />}
      </div>
    </>
  );
}

const sureness = ({ pinned, confidence }: Decision): string => (pinned ? "your choice" : percent(confidence));
