import type { Answer, RouteCorrection } from "../../../sdk/index.ts";
import { useKnownExperts } from "../connection/patchbay-context.ts";
import "./corrections.css";

interface Props {
  answer: Answer;
  correction: RouteCorrection | null;
  open: boolean;
  onOpen(open: boolean): void;
}

/** Offers to correct the router, and says how it was corrected. Whoever chose the expert by hand has nothing to correct. */
export function WrongExpert({ answer, correction, open, onOpen }: Props) {
  const experts = useKnownExperts();
  if (!answer.decision || (answer.decision.pinned && !correction)) return null;
  return (
    <button
      type="button"
      className="text-button wrong-expert"
      aria-expanded={open}
      onClick={() => onOpen(!open)}
      data-testid="wrong-expert"
    >
      {correction
        ? `Corrected: ${nameOf(correction, experts.find(correction.expert).title)}`
        : "Wrong expert?"}
    </button>
  );
}

const nameOf = ({ expert, setAside }: RouteCorrection, title: string): string =>
  `${expert === "base" ? "no expert" : title}${setAside ? " (set aside)" : ""}`;
